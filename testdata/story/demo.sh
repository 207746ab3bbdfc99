# The whole of greffe on a real company's compliance base, in a folder that goes away.
# Run it with: make demo
set -eu
story=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
daemon=
finish() {
	status=$?
	if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; fi
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }

say "1. A daemon with its own NATS server, on a free port"
greffed serve --dir "$dir/daemon" --nats-port -1 --http 127.0.0.1:0 >"$dir/log" 2>&1 &
daemon=$!
n=0
until [ -f "$dir/daemon/daemon.json" ]; do
	n=$((n + 1))
	if [ $n -gt 300 ] || ! kill -0 "$daemon" 2>/dev/null; then cat "$dir/log"; exit 1; fi
	sleep 0.1
done
cat "$dir/log"
export GREFFE_DIR="$dir/daemon"

say "2. A published compliance base becomes events, over NATS"
greffe import "$story/magnetis.yaml" 2>"$dir/warnings"
echo "($(wc -l <"$dir/warnings") remarks on the base were printed as warnings)"

say "3. The same file again: the same event ids, nothing new"
greffe import "$story/magnetis.yaml" 2>/dev/null

say "4. The registers, folded from the ledger"
greffe register

say "5. The record of processing activities (GDPR Art. 30)"
greffe register list processing-activities

say "6. What happened to one activity"
greffe register history processing-activities FR-011

say "7. The evidence: one file, verified offline"
greffe bundle -f "$dir/evidence.greffe"
greffe-audit verify "$dir/evidence.greffe" --key "$GREFFE_DIR/main.vkey"

say "8. One event by itself, with the path to the signed root"
greffe prove --seq 12 -f "$dir/event.tlog-proof"
greffe-audit verify "$dir/event.tlog-proof" --key "$GREFFE_DIR/main.vkey"

say "9. One byte of the evidence changed"
size=$(wc -c <"$dir/evidence.greffe")
at=$((size / 2))
byte=$(dd if="$dir/evidence.greffe" bs=1 skip=$at count=1 2>/dev/null | od -An -tu1 | tr -d ' ')
# shellcheck disable=SC2059
printf "$(printf '\\%03o' $(((byte + 1) % 256)))" | dd of="$dir/evidence.greffe" bs=1 seek=$at conv=notrunc 2>/dev/null
code=0
greffe-audit verify "$dir/evidence.greffe" --key "$GREFFE_DIR/main.vkey" || code=$?
[ $code -eq 3 ] || { echo "greffe-audit ended with $code, 3 was due"; exit 1; }

say "Done. greffe-audit said so with exit code 3."
