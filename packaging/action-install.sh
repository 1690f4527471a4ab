#!/usr/bin/env bash
# The first step of action.yml: downloads the command of the release that the Action is part of.
set -euo pipefail

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$GITHUB_ACTION_PATH/Cargo.toml" | head -n 1)
case $RUNNER_ARCH in
    X64) arch=x86_64 ;;
    ARM64) arch=arm64 ;;
    *) echo "Vigie has no release for $RUNNER_ARCH: pass the input \`vigie\`" >&2; exit 2 ;;
esac
case $RUNNER_OS in
    Linux) name="vigie-$version-linux-$arch" sums=SHA256SUMS check=sha256sum ;;
    macOS) name="vigie-$version-macos-$arch" sums="SHA256SUMS-macos-$arch" check="shasum -a 256" ;;
    *) echo "Vigie has no release for $RUNNER_OS: pass the input \`vigie\`" >&2; exit 2 ;;
esac

cd "$RUNNER_TEMP"
release="$GITHUB_SERVER_URL/$INPUT_REPOSITORY/releases/download/v$version"
for file in "$name.tar.gz" "$sums"; do
    curl --fail --silent --show-error --location --retry 3 --max-time 120 --output "$file" "$release/$file"
done
grep -F "  $name.tar.gz" "$sums" | $check --check --quiet
tar -xzf "$name.tar.gz"
echo "vigie=$RUNNER_TEMP/$name/vigie" >>"$GITHUB_OUTPUT"
