#!/bin/sh
# Installs the portable binary from this archive, where there is no rpm or no wish for it; as root. Starts nothing.
# A configuration that is there stays.
set -eu
cd "$(dirname "$0")"
install -D -m 755 xapi-observer /usr/bin/xapi-observer
install -D -m 755 xapi-observer-backup /usr/bin/xapi-observer-backup
install -D -m 644 xapi-observer.service /usr/lib/systemd/system/xapi-observer.service
for file in xapi-observer.service.d/*.conf; do
    install -D -m 644 "$file" "/usr/lib/systemd/system/$file"
done
install -D -m 644 xapi-observer.1 /usr/share/man/man1/xapi-observer.1
install -D -m 644 xapi-observer-backup.1 /usr/share/man/man1/xapi-observer-backup.1
install -d -m 700 /etc/xapi-observer /var/lib/xapi-observer
if [ ! -e /etc/xapi-observer/xapi-observer.toml ]; then
    install -m 600 xapi-observer.toml /etc/xapi-observer/xapi-observer.toml
fi
if [ -x /usr/bin/systemctl ]; then systemctl daemon-reload || :; fi
echo "installed; edit /etc/xapi-observer/xapi-observer.toml, then: systemctl enable --now xapi-observer"
