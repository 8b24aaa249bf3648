# The body of every scripts/<method>/zeroshot.sh, which sets method, default_cfg and tiny_cfg.
folder=$(basename "$(dirname "$0")")
usage="bash scripts/$folder/zeroshot.sh DATASET [KEY VALUE ...]"
required=1
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

for classes in all base new; do
    rpo_train "$OUTPUT/$folder/test_$classes/$dataset/$method/$CFG" --eval-only \
        DATASET.SUBSAMPLE_CLASSES "$classes" "$@"
done
