/* scan-engine 1.0.0 <-> 2.0.0: limits move together, YARA is switched by a word, reports get a detail. */
#include "versiqii.h"

static void up(vq_config *config) {
    vq_move(config, "/scan_depth", "/limits/depth");
    vq_move(config, "/timeout_ms", "/limits/timeout_ms");
    vq_move(config, "/heuristics/max_rules", "/heuristics/rules_max");
    vq_value *used = vq_take(config, "/heuristics/use_yara");
    vq_set(config, "/heuristics/yara", vq_string(used && used->kind == VQ_TRUE ? "on" : "off"));
    vq_restore(config, "/report", vq_string("summary"));
}

static void down(vq_config *config) {
    vq_move(config, "/limits/depth", "/scan_depth");
    vq_move(config, "/limits/timeout_ms", "/timeout_ms");
    vq_take(config, "/limits");
    vq_move(config, "/heuristics/rules_max", "/heuristics/max_rules");
    vq_value *yara = vq_take(config, "/heuristics/yara");
    vq_set(config, "/heuristics/use_yara", vq_bool(vq_is_string(yara, "on")));
    vq_keep(config, "/report", vq_string("summary"));
}

VQ_MIGRATION(up, down)
