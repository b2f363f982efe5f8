/* Readings, what lies between two of them, and how they are drawn on screens of any size. */

#include "support/test.h"
#include "top/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char whole[] =
    "{'holdfast':'0.1.0','uptime_seconds':12.5,'clients':[{'name':'default',"
    "'health':{'status':'up','reason':'answers\\u001b[2J','endpoint':'redis://h:6379/0',"
    "'connections_open':3,'connections_idle':2,'connections_leased':1,'connections_max':20,"
    "'calls_under_way':1,'calls_max':100,'breaker':{'state':'closed','forced':false,"
    "'failures':1,'threshold':5,'next_probe_seconds':null,'history':[{'seconds_ago':3,"
    "'from':'open','to':'half_open','reason':'r'}]}},"
    "'stats':{'calls':%d,'cache_hits':%d,'cache_misses':100,'errors_timeout':%d,"
    "'calls_in_flight':4},"
    "'latency':{'call':{'count':%d,'sum_seconds':1,'p50_seconds':0.001,'p90_seconds':0.002,"
    "'p99_seconds':0.003,'p999_seconds':0.004,'max_seconds':0.005,"
    "'buckets':[[0.001,%d],[0.01,%d],[null,%d]]}},"
    "'slow_calls':[{'seconds_ago':3.2,'command':'GET','took_seconds':0.1,'error':'E',"
    "'reason':'late\\r'}],"
    "'caches':[{'prefix':'a','hot_keys':[{'key':'x\\u009b2J','reads':5},"
    "{'key_base64':'/w==','reads':1}]}],"
    "'tasks':[{'prefix':'t','by_status':{'pending':1,'running':2}}]}]}";

/* JSON that is written with single quotes. */
static json_t *load(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++) *c = *c == '\'' ? '"' : *c;
    json_t *root = json_loads(copy, 0, NULL);
    free(copy);
    assert_non_null(root);
    return root;
}

static void read_text(struct reading *r, const char *text)
{
    json_t *root = load(text);
    assert_true(reading_from_stats(r, root, 0, NULL));
    json_decref(root);
}

/* calls is spread over the buckets: a tenth late, half of the rest in the first. */
static void read_after(struct reading *r, int calls)
{
    char      text[sizeof whole + 200];
    const int in_time = calls - calls / 10;
    snprintf(text, sizeof text, whole, calls, calls, calls / 50, calls, in_time / 2, in_time,
             calls);
    read_text(r, text);
}

static bool near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void all_that_an_exporter_says_is_read(void **state)
{
    (void)state;
    static struct reading r;
    read_after(&r, 1000);
    assert_string_equal(r.name, "default");
    assert_string_equal(r.status, "up");
    assert_string_equal(r.breaker_state, "closed");
    assert_string_equal(r.breaker, "closed, 1 of 5 failures; open to half_open 3 s ago");
    assert_string_equal(r.pool, "3 open, 2 idle, 1 leased of 20; 1 of 100 calls under way");
    assert_true(near(r.uptime, 12.5));
    assert_int_equal(r.row_count, 5);
    assert_true(near(reading_value(&r, "calls"), 1000));
    assert_true(near(reading_value(&r, "nothing"), 0));
    assert_true(r.rows[4].is_gauge && !r.rows[0].is_gauge);
    assert_int_equal(r.latencies[0].bucket_count, 3);
    assert_true(near(r.latencies[0].p99, 0.003));
    assert_int_equal(r.hot_count, 2);
    assert_int_equal(r.slow_count, 1);
    assert_string_equal(r.tasks[0],
                        "t: 1 pending, 2 running, 0 success, 0 failure, 0 cancelled");
}

static void nothing_of_it_can_move_a_cursor(void **state)
{
    (void)state;
    static struct reading r;
    read_after(&r, 1000);
    assert_string_equal(r.reason, "answers\\x1b[2J");
    assert_string_equal(r.hot[0].key, "x\\xc2\\x9b2J");
    assert_string_equal(r.slow[0].text, "GET E: late\\x0d");
}

static void a_client_is_found_by_number_and_by_name(void **state)
{
    (void)state;
    static struct reading r;
    json_t               *root = load("{'clients':[{'name':'a'},{'name':'b'}]}");
    assert_true(reading_from_stats(&r, root, 1, NULL));
    assert_string_equal(r.name, "b");
    assert_int_equal(r.client_count, 2);
    assert_false(reading_from_stats(&r, root, 2, NULL));
    assert_true(reading_from_stats(&r, root, 0, "b"));
    assert_int_equal(r.client, 1);
    assert_false(reading_from_stats(&r, root, 0, "c"));
    json_decref(root);
}

static void what_is_of_another_type_is_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{'clients':5}",
        "{'clients':[]}",
        "{'clients':[5]}",
        "{'clients':[[]]}",
        "{'clients':[{}]}",
        "{'clients':[{'name':5,'health':[],'stats':'x','latency':7,'caches':{},'tasks':1}]}",
        "{'clients':[{'health':{'breaker':5,'status':{},'connections_open':1e300}}]}",
        "{'clients':[{'health':{'breaker':{'history':{},'failures':-1e300}}}]}",
        "{'clients':[{'stats':{'a':'b','c':null,'d':1e308}}]}",
        "{'clients':[{'latency':{'call':5,'x':{'buckets':[5,[],[1],['a','b']]}}}]}",
        "{'clients':[{'caches':[5,{'hot_keys':[5,{},{'key':7}]}],'slow_calls':[5,{}]}]}",
        "{'clients':[{'tasks':[5,{'prefix':5,'by_status':5}]}]}",
        "{'clients':[{'tasks':[{'by_status':{'pending':1e30}}]}]}",
    };
    static struct view v;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *root = load(texts[i]);
        v.source = "s";
        v.canvas.rows = 24;
        v.canvas.columns = 80;
        if (reading_from_stats(&v.now, root, 0, NULL)) {
            v.before = v.now;
            view_note(&v);
            for (int list = 0; list < LISTS; list++) {
                v.list = (enum view_list)list;
                view_draw(&v);
            }
        }
        json_decref(root);
    }
}

static void there_is_a_bound_to_everything(void **state)
{
    (void)state;
    static struct reading r;
    json_t               *root = json_object(), *client = json_object();
    json_t *stats = json_object(), *latency = json_object(), *hot = json_array();
    json_t *buckets = json_array(), *cache = json_object(), *slow = json_array();
    char    name[300];
    memset(name, 'x', sizeof name);
    for (int i = 0; i < 1000; i++) {
        snprintf(name + 200, 20, "%d", i);
        json_object_set_new(stats, name, json_integer(i));
        json_array_append_new(buckets, json_pack("[f,i]", (double)i, i));
        json_array_append_new(hot, json_pack("{s:s,s:i}", "key", name, "reads", i));
        json_array_append_new(
            slow, json_pack("{s:s,s:s,s:s}", "command", name, "error", name, "reason", name));
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d", i);
        json_object_set_new(latency, name, json_pack("{s:O}", "buckets", buckets));
    }
    json_object_set_new(cache, "hot_keys", hot);
    json_object_set_new(client, "stats", stats);
    json_object_set_new(client, "latency", latency);
    json_object_set_new(client, "slow_calls", slow);
    json_object_set_new(client, "caches", json_pack("[o]", cache));
    json_object_set_new(root, "clients", json_pack("[o]", client));
    assert_true(reading_from_stats(&r, root, 0, NULL));
    assert_int_equal(r.row_count, READING_ROWS);
    assert_int_equal(r.latency_count, READING_LATENCIES);
    assert_int_equal(r.latencies[0].bucket_count, READING_BUCKETS);
    assert_int_equal(r.hot_count, READING_HOT);
    assert_int_equal(r.slow_count, READING_SLOW);
    assert_true(strlen(r.rows[0].name) < READING_NAME);
    json_decref(buckets);
    json_decref(root);
}

static void rates_are_what_grew_in_each_second(void **state)
{
    (void)state;
    static struct reading a, b;
    read_after(&a, 1000);
    read_after(&b, 1500);
    b.at = hf_later(a.at, hf_seconds(2));
    assert_true(near(reading_rate(&a, &b, "calls"), 250));
    assert_true(near(reading_rate(&a, &b, "cache_misses"), 0));
    assert_true(near(reading_rate(&a, &b, "unheard_of"), 0));
    assert_true(near(reading_hit_rate(&a, &b), 1));
    assert_true(near(reading_rate(&b, &a, "calls"), 0)); /* It began anew. */
    assert_true(near(reading_rate(&a, &a, "calls"), 0)); /* No time has passed. */
    assert_true(reading_hit_rate(&a, &a) < 0);
}

static void quantiles_are_of_the_calls_between(void **state)
{
    (void)state;
    static struct reading a, b;
    read_after(&a, 0);
    read_after(&b, 1000); /* 450 up to 1 ms, 450 more up to 10 ms, 100 above. */
    assert_true(near(reading_quantile(&a, &b, "call", 0.45), 0.001));
    assert_true(near(reading_quantile(&a, &b, "call", 0.225), 0.0005));
    assert_true(near(reading_quantile(&a, &b, "call", 0.675), 0.0055));
    assert_true(
        near(reading_quantile(&a, &b, "call", 0.99), 0.01)); /* Above that: unknown. */
    assert_true(reading_quantile(&b, &b, "call", 0.5) < 0);
    assert_true(reading_quantile(&a, &b, "other", 0.5) < 0);
}

/* Every row of the canvas as text. */
static const char *text_of(const struct canvas *c, int row)
{
    static char text[CANVAS_COLUMNS_MAX * 4 + 1];
    text[0] = '\0';
    for (int i = 0; i < c->columns; i++) {
        strncat(text, c->cells[row][i].text[0] ? c->cells[row][i].text : " ", 4);
    }
    return text;
}

static bool is_shown(const struct canvas *c, const char *text)
{
    for (int row = 0; row < c->rows; row++) {
        if (strstr(text_of(c, row), text)) return true;
    }
    return false;
}

static void draw(struct view *v, int rows, int columns)
{
    memset(&v->canvas, 0, sizeof v->canvas);
    v->canvas.rows = rows;
    v->canvas.columns = columns;
    view_draw(v);
}

static void open_view(struct view *v)
{
    memset(v, 0, sizeof *v);
    v->source = "http://127.0.0.1:9121";
    read_after(&v->before, 1000);
    read_after(&v->now, 1500);
    v->now.at = hf_later(v->before.at, hf_seconds(1));
    view_note(v);
}

static void it_is_drawn_on_screens_of_every_size(void **state)
{
    (void)state;
    static struct view v;
    open_view(&v);
    for (int rows = 1; rows <= CANVAS_ROWS_MAX; rows += 3) {
        for (int columns = 1; columns <= CANVAS_COLUMNS_MAX; columns += 7) {
            for (int list = 0; list < LISTS; list++) {
                v.list = (enum view_list)list;
                draw(&v, rows, columns);
            }
        }
    }
}

static void twenty_columns_show_what_matters(void **state)
{
    (void)state;
    static struct view v;
    open_view(&v);
    draw(&v, 16, 20);
    assert_true(is_shown(&v.canvas, "default up"));
    assert_true(is_shown(&v.canvas, "breaker closed"));
    assert_true(is_shown(&v.canvas, "calls/s 500"));
    assert_true(is_shown(&v.canvas, "hits 100.0 %"));
    assert_true(is_shown(&v.canvas, "errors/s 10.0"));
    assert_true(is_shown(&v.canvas, "   500 calls"));
}

static void lists_are_sorted_and_filtered(void **state)
{
    (void)state;
    static struct view v;
    open_view(&v);
    v.sort = SORT_NAME;
    draw(&v, 24, 80);
    assert_non_null(strstr(text_of(&v.canvas, 7), "cache_hits"));
    v.sort = SORT_TOTAL;
    draw(&v, 24, 80);
    assert_non_null(strstr(text_of(&v.canvas, 7), "1500"));
    snprintf(v.filter, sizeof v.filter, "MISS");
    draw(&v, 24, 80);
    assert_true(is_shown(&v.canvas, "cache_misses"));
    assert_false(is_shown(&v.canvas, "cache_hits"));
    snprintf(v.filter, sizeof v.filter, "no such");
    draw(&v, 24, 80);
    assert_true(is_shown(&v.canvas, "nothing of that name"));
}

static void scrolling_ends_at_the_end(void **state)
{
    (void)state;
    static struct view v;
    open_view(&v);
    v.scroll = 1000;
    draw(&v, 10, 80);
    assert_int_equal(v.scroll, 5 - (10 - 6 - 1));
    draw(&v, 24, 80);
    assert_int_equal(v.scroll, 0);
}

static void old_news_are_called_old(void **state)
{
    (void)state;
    static struct view v;
    open_view(&v);
    v.trouble = "http://127.0.0.1:9121: Connection refused";
    draw(&v, 24, 80);
    assert_true(is_shown(&v.canvas, "no news for "));
    assert_true(is_shown(&v.canvas, "Connection refused"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_an_exporter_says_is_read),
        cmocka_unit_test(nothing_of_it_can_move_a_cursor),
        cmocka_unit_test(a_client_is_found_by_number_and_by_name),
        cmocka_unit_test(what_is_of_another_type_is_left_out),
        cmocka_unit_test(there_is_a_bound_to_everything),
        cmocka_unit_test(rates_are_what_grew_in_each_second),
        cmocka_unit_test(quantiles_are_of_the_calls_between),
        cmocka_unit_test(it_is_drawn_on_screens_of_every_size),
        cmocka_unit_test(twenty_columns_show_what_matters),
        cmocka_unit_test(lists_are_sorted_and_filtered),
        cmocka_unit_test(scrolling_ends_at_the_end),
        cmocka_unit_test(old_news_are_called_old),
    };
    return RUN_TESTS(tests);
}
