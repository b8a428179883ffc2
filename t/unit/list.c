/* core/base/list: links inside objects. */
#include "core/base/list.h"

#include "t/unit/tap.h"

struct list_item {
    int value;
    struct wr_link link;
};

/* The values as the digits of a number, first to last; -1 if the links backwards disagree. */
static long
list_digits(const struct wr_link *head)
{
    long digits = 0;

    wr_list_for(l, head)
    {
        digits = digits * 10 + wr_list_entry(l, const struct list_item, link)->value;
        if (l->next->prev != l) {
            return -1;
        }
    }
    return digits;
}

static void
list_test_order(struct list_item items[5], struct wr_link *head)
{
    tap_ok(wr_list_empty(head), "a new list is empty");
    tap_ok(wr_list_first(head, struct list_item, link) == NULL, "it has no first");
    tap_ok(!wr_link_used(&items[1].link), "a link of zeros is not used");
    wr_list_add_tail(head, &items[2].link);
    wr_list_add_tail(head, &items[3].link);
    wr_list_add_head(head, &items[1].link);
    tap_is_int(list_digits(head), 123, "tail, tail, head");
    tap_ok(wr_link_used(&items[1].link), "a link in a list is used");
    tap_is_int(wr_list_first(head, struct list_item, link)->value, 1, "the first");
}

static void
list_test_del(struct list_item items[5], struct wr_link *head)
{
    wr_list_del(&items[2].link);
    tap_is_int(list_digits(head), 13, "one taken out of the middle");
    tap_ok(!wr_link_used(&items[2].link), "it is not used then");
    wr_list_del(&items[2].link);
    tap_is_int(list_digits(head), 13, "a second time does nothing");
    wr_list_add_tail(head, &items[2].link);
    wr_list_add_tail(head, &items[4].link);
    wr_list_for_safe(l, next, head)
    {
        if (wr_list_entry(l, struct list_item, link)->value % 2 == 0) {
            wr_list_del(l);
        }
    }
    tap_is_int(list_digits(head), 13, "taken out while walking");
    wr_list_for_safe(l, next, head)
    {
        wr_list_del(l);
    }
    tap_ok(wr_list_empty(head), "all taken out");
}

static void
list_test_join(struct list_item items[5], struct wr_link *head)
{
    struct wr_link from;

    wr_list_init(&from);
    wr_list_join(head, &from);
    tap_ok(wr_list_empty(head) && wr_list_empty(&from), "nothing joined to nothing");
    wr_list_add_tail(&from, &items[3].link);
    wr_list_add_tail(&from, &items[4].link);
    wr_list_join(head, &from);
    tap_is_int(list_digits(head), 34, "joined to an empty list");
    tap_ok(wr_list_empty(&from), "what was joined is empty");
    wr_list_join(head, &from);
    tap_is_int(list_digits(head), 34, "an empty list joined to one");
    wr_list_add_tail(&from, &items[1].link);
    wr_list_add_tail(&from, &items[2].link);
    wr_list_join(head, &from);
    tap_is_int(list_digits(head), 3412, "one behind the other, each in its order");
    wr_list_add_tail(&from, &items[0].link);
    tap_is_int(wr_list_first(&from, struct list_item, link)->value, 0,
               "what was emptied is a list as before");
    wr_list_del(&items[0].link);
    wr_list_add_tail(head, &items[0].link);
    tap_is_int(list_digits(head), 34120, "and what was joined ends where it should");
    wr_list_for_safe(l, next, head)
    {
        wr_list_del(l);
    }
    tap_ok(wr_list_empty(head) && !wr_link_used(&items[4].link), "what was joined is taken out as ever");
}

int
main(void)
{
    struct list_item items[5] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    struct wr_link head;

    wr_list_init(&head);
    list_test_order(items, &head);
    list_test_del(items, &head);
    list_test_join(items, &head);
    return tap_done();
}
