#!/usr/bin/env bash
# Writes the Homebrew formula of this version. The arguments are the files with the checksums of all archives:
#   packaging/homebrew/fill.sh SHA256SUMS* > vigie.rb
set -euo pipefail

root=$(dirname "$0")/../..
of_workspace() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$root/Cargo.toml" | sed -n 1p; }
version=$(of_workspace version)
repository=$(of_workspace repository)
formula=$(sed -e "s|@VERSION@|$version|g" -e "s|@REPOSITORY@|$repository|g" "$root/packaging/homebrew/vigie.rb")
for target in macos-arm64 macos-x86_64 linux-arm64 linux-x86_64; do
    archive="vigie-$version-$target.tar.gz"
    checksum=$(awk -v archive="$archive" '$2 == archive { print $1 }' "$@")
    if ! [[ $checksum =~ ^[0-9a-f]{64}$ ]]; then
        echo "expected one checksum of $archive in $*" >&2
        exit 1
    fi
    formula=${formula//@SHA256_$target@/$checksum}
done
printf '%s\n' "$formula"
