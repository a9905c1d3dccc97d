/* What this migration changes, in one line. Build it with: python build.py migration.c migration.wasm */
#include "versiqii.h"

static void up(vq_config *config) {
    vq_move(config, "/old_name", "/group/new_name");
    vq_restore(config, "/added", vq_string("usual"));
}

static void down(vq_config *config) {
    vq_move(config, "/group/new_name", "/old_name");
    vq_take(config, "/group");
    vq_keep(config, "/added", vq_string("usual"));
}

VQ_MIGRATION(up, down)
