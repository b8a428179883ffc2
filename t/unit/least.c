/* core/upstream/least: against a search through all members. */
#include "core/upstream/least.h"

#include "t/unit/tap.h"

#define LEAST_MEMBERS 50

struct least_model {
    bool in;
    uint32_t load;
    uint32_t weight;
    uint64_t turn;
};

static struct least_model least_model[LEAST_MEMBERS];
static uint32_t least_random_state = 7;

static uint32_t
least_random(uint32_t below)
{
    least_random_state = least_random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)least_random_state * below >> 32);
}

static uint32_t
least_naive(uint32_t n)
{
    uint32_t best = WR_LEAST_NONE;

    for (uint32_t i = 0; i < n; i++) {
        const struct least_model *m = &least_model[i], *b = best == WR_LEAST_NONE ? NULL : &least_model[best];
        if (!m->in) {
            continue;
        }
        unsigned __int128 mine = b ? ((unsigned __int128)m->load + 1) * b->weight : 0;
        unsigned __int128 its = b ? ((unsigned __int128)b->load + 1) * m->weight : 0;
        if (!b || mine < its || (mine == its && m->turn < b->turn)) {
            best = i;
        }
    }
    return best;
}

/* Few loads and weights, so that many are equal; or any at all. */
static void
least_step(struct wr_least *l, uint32_t n, bool wide, uint64_t *turns)
{
    uint32_t i = least_random(n);
    struct least_model *m = &least_model[i];

    switch (least_random(4)) {
    case 0:
        m->in = false;
        wr_least_drop(l, i);
        break;
    case 1:
        m->turn = ++*turns;
        wr_least_serve(l, i);
        break;
    default:
        m->in = true;
        m->load = wide ? UINT32_MAX - least_random(3) : least_random(4);
        m->weight = wide ? UINT32_MAX - least_random(3) : 1 + least_random(3);
        wr_least_set(l, i, m->load, m->weight);
    }
}

static void
least_test_random(uint32_t n, bool wide)
{
    struct wr_least l;
    unsigned wrong = 0;
    uint64_t turns = 0;

    memset(least_model, 0, sizeof(least_model));
    wr_least_init(&l, n);
    for (int step = 0; step < 50000; step++) {
        least_step(&l, n, wide, &turns);
        wrong += wr_least_first(&l) != least_naive(n);
        uint32_t i = least_random(n);
        wrong += wr_least_has(&l, i) != least_model[i].in;
    }
    tap_is_int(wrong, 0, "%u members, %s loads: the first is that of the model", n, wide ? "large" : "small");
    /* all of them, in order */
    for (uint32_t first = wr_least_first(&l); first != WR_LEAST_NONE; first = wr_least_first(&l)) {
        wrong += first != least_naive(n);
        wr_least_drop(&l, first);
        least_model[first].in = false;
    }
    tap_ok(wrong == 0 && least_naive(n) == WR_LEAST_NONE, "and so are all behind it");
    wr_least_fini(&l);
}

static void
least_test_turns(void)
{
    struct wr_least l;
    char text[13] = "";

    wr_least_init(&l, 4);
    tap_ok(wr_least_first(&l) == WR_LEAST_NONE && !wr_least_has(&l, 0), "nobody is in");
    tap_ok(!wr_least_has(&l, 4), "nor is who cannot be");
    wr_least_drop(&l, 2);
    wr_least_set(&l, 2, 0, 1);
    wr_least_set(&l, 0, 0, 1);
    wr_least_set(&l, 3, 0, 1);
    for (int i = 0; i < 12; i++) {
        uint32_t first = wr_least_first(&l);
        text[i] = (char)('0' + first);
        wr_least_serve(&l, first);
        if (i == 7) {
            wr_least_set(&l, 1, 0, 1);
        }
    }
    tap_is_str(text, "023023021302", "equals in turn, a new one at once");
    wr_least_fini(&l);
}

static void
least_test_weights(void)
{
    struct wr_least l;
    uint32_t load[3] = {0};

    wr_least_init(&l, 3);
    for (uint32_t i = 0; i < 3; i++) {
        wr_least_set(&l, i, 0, i + 1);
    }
    for (int i = 0; i < 600; i++) {
        uint32_t first = wr_least_first(&l);
        wr_least_serve(&l, first);
        wr_least_set(&l, first, ++load[first], first + 1);
    }
    tap_ok(load[0] == 100 && load[1] == 200 && load[2] == 300, "loads follow the weights: %u, %u, %u",
           load[0], load[1], load[2]);
    wr_least_fini(&l);
    wr_least_init(&l, 0);
    tap_ok(wr_least_first(&l) == WR_LEAST_NONE, "no members");
    wr_least_fini(&l);
}

int
main(void)
{
    least_test_turns();
    least_test_weights();
    least_test_random(1, false);
    least_test_random(2, false);
    least_test_random(7, false);
    least_test_random(LEAST_MEMBERS, false);
    least_test_random(LEAST_MEMBERS, true);
    return tap_done();
}
