#!/bin/sh
# Makes what Redis and its users need: a password for each user of redis-users.acl.in, the ACL file with their digests, and
# for each user a file with its URL, for VOICE_NOTIFY_REDIS_URL_FILE.
#
#   deploy/make-secrets.sh APP_ID [FOLDER [HOST:PORT]]
#
#   FOLDER     where to put them; by default deploy/secrets, where compose.yaml looks
#   HOST:PORT  where the users reach Redis; by default redis:6379, as in compose.yaml. Put rediss:// before it for TLS.
#
# Run again, it keeps existing passwords: to change one, delete its redis-url-<user> first, then load the ACL file (RUNBOOK.md,
# secret-rotation). It prints no secret. Only its owner can enter the folder; the files in it are readable by all, because
# Compose mounts them unchanged into containers that run as other users.
set -eu
umask 077

here=$(dirname "$0")
app_id=${1:?usage: make-secrets.sh APP_ID [FOLDER [HOST:PORT]]}
folder=${2:-$here/secrets}
address=${3:-redis:6379}
case $app_id in
    *[!A-Za-z0-9_.-]*) echo "APP_ID has letters, digits, '_', '.' and '-' only" >&2; exit 2 ;;
esac
case $address in
    *://*) scheme=${address%%://*} address=${address#*://} ;;
    *) scheme=redis ;;
esac
mkdir -p "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Written in place: a container has mounted the file itself, and would not see a new one of that name.
put() { cat >"$folder/$1" && chmod 644 "$folder/$1"; }

edits="s/@APP_ID@/$app_id/g"
for user in admin producer worker operator flower metrics; do
    url=$folder/redis-url-$user
    if [ -f "$url" ]; then
        password=$(sed 's|^[a-z]*://[^:]*:\([^@]*\)@.*|\1|' "$url")
    else
        password=$(random)
    fi
    printf '%s\n' "$scheme://$user:$password@$address/0" | put "redis-url-$user"
    digest=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
    edits="$edits; s/@$(echo "$user" | tr a-z A-Z)@/$digest/"
done

# One line per user, without comments.
sed -e '/^#/d; /^$/d' -e "$edits" "$here/redis-users.acl.in" |
    awk '/^ / { sub(/^ +/, " "); line = line $0; next } { if (line) print line; line = $0 } END { print line }' |
    put redis-users.acl

[ -f "$folder/flower-login" ] || echo "admin:$(random)" | put flower-login
[ -f "$folder/grafana-password" ] || random | put grafana-password

echo "in $folder:" && ls "$folder"
[ -f "$folder/app-secret" ] || echo "still missing: $folder/app-secret, the account's secret, as the provider gave it" >&2
