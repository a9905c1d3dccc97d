/* scan-engine 2.0.0 <-> 3.0.0: time limits in seconds, heuristics become detectors, no scan without a depth limit. */
#include "versiqii.h"

#define THREE_PLACES 3 /* between milliseconds and seconds */

static vq_value *usual_ml(void) {
    vq_config ml = {.root = vq_object()};
    vq_set(&ml, "/enabled", vq_bool(0));
    vq_set(&ml, "/threshold", vq_number("0.5"));
    return ml.root;
}

static void up(vq_config *config) {
    if (vq_is_number(vq_at(config, "/limits/depth"), "0"))
        vq_refuse(config, "a scan without a depth limit is gone in 3.0.0: set a depth from 1 to 64", "/limits/depth");
    vq_restore(config, "/limits/timeout_s", vq_shift(vq_take(config, "/limits/timeout_ms"), -THREE_PLACES));
    vq_move(config, "/heuristics/rules_max", "/detectors/yara/rules_max");
    vq_set(config, "/detectors/yara/enabled", vq_bool(vq_is_string(vq_take(config, "/heuristics/yara"), "on")));
    vq_take(config, "/heuristics");
    vq_restore(config, "/detectors/ml", usual_ml());
    vq_move(config, "/report", "/report/level");
    vq_move_if_present(config, "/exclude", "/exclude/paths");
}

static void down(vq_config *config) {
    vq_value *milliseconds = vq_shift(vq_at(config, "/limits/timeout_s"), THREE_PLACES);
    if (!milliseconds) vq_refuse(config, "the time limit is no number of seconds", "/limits/timeout_s");
    else {
        vq_value *whole = vq_whole(milliseconds);
        vq_keep(config, "/limits/timeout_s", vq_shift(whole, -THREE_PLACES)); /* less than a millisecond goes aside */
        vq_set(config, "/limits/timeout_ms", whole);
    }
    vq_move(config, "/detectors/yara/rules_max", "/heuristics/rules_max");
    vq_value *enabled = vq_take(config, "/detectors/yara/enabled");
    vq_set(config, "/heuristics/yara", vq_string(enabled && enabled->kind == VQ_TRUE ? "on" : "off"));
    vq_keep(config, "/detectors/ml", usual_ml());
    vq_take(config, "/detectors");
    vq_move(config, "/report/level", "/report");
    vq_move_if_present(config, "/exclude/paths", "/exclude");
}

VQ_MIGRATION(up, down)
