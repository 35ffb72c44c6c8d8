#!/usr/bin/env bash
# Packs the leat program and the libraries it needs into one executable file, which runs as a worker on machines of the same
# architecture with nothing installed but sh, tar and gzip: it unpacks itself once, into a folder beside itself.
#
#   scripts/pack_worker.sh [PROGRAM [OUT]]      default: build/release/leat, leat-worker beside it
set -euo pipefail
program=${1:-build/release/leat}
out=${2:-$(dirname "$program")/leat-worker}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/lib"
cp "$program" "$folder/leat"
strip -g "$folder/leat" 2>/dev/null || true
ldd "$program" | awk '/=> \//{print $3} /^\t\/.*ld-linux/{print $1}' | while read -r library; do cp -L "$library" "$folder/lib/"; done
loader=$(basename "$folder"/lib/ld-linux*)
tar -C "$folder" -cf - leat lib | gzip -1 >"$folder.tgz"
sum=$(sha256sum "$folder.tgz" | cut -c1-16)
cat >"$folder.sh" <<SCRIPT
#!/bin/sh
case \$0 in */*) here=\${0%/*} ;; *) here=. ;; esac
to=\$here/.leat-worker-$sum
if [ ! -d "\$to" ]; then
    if [ "\$(uname -m)" != $(uname -m) ]; then echo "leat worker: packed for $(uname -m), this machine is \$(uname -m)" >&2; exit 126; fi
    new=\$to.\$\$
    mkdir "\$new" && sed '1,/^#-- end --\$/d' "\$0" | tar -xzf - -C "\$new" || { rm -rf "\$new"; echo "leat worker: cannot unpack in \$here" >&2; exit 126; }
    mv -T "\$new" "\$to" 2>/dev/null || rm -rf "\$new"
fi
# In a folder that others write to, somebody could have put another program there.
if [ ! -O "\$to" ]; then echo "leat worker: \$to belongs to somebody else" >&2; exit 126; fi
exec "\$to/lib/$loader" --library-path "\$to/lib" "\$to/leat" "\$@"
#-- end --
SCRIPT
cat "$folder.sh" "$folder.tgz" >"$out.new"
rm -f "$folder.sh" "$folder.tgz"
chmod 755 "$out.new"
mv "$out.new" "$out"
echo "$out"
