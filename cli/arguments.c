#include "arguments.h"

#include "password.h"
#include "suggest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An option of the library as it was given: where its value stands in argv. */
struct setting {
    const struct hf_option_info *option;
    char                        *value;
};

/* The scan of argv: where it stands, and what is done once all of it was read. */
struct scan {
    struct invocation *inv;
    struct setting    *settings; /* Room for each argument. */
    size_t             setting_count;
    char             **next;
    enum what_to_show  show;
    const char        *password_file;
    bool               ask_password;
};

static const char *const own_flags[] = { "--help", "--version", "--json", "--password-file",
                                         "--ask-password" };

enum { OWN_FLAGS = sizeof own_flags / sizeof own_flags[0] };

static bool unknown_command(const char *name)
{
    if (strstr(name, ":/")) { /* It may hold a password. */
        complain("unknown command; a URL goes behind --url");
        return false;
    }
    struct suggestion s = suggest_for(name);
    for (size_t i = 0; command_at(i); i++) suggest_offer(&s, command_at(i)->name);
    if (s.best) {
        complain("unknown command \"%s\"; did you mean \"%s\"?", name, s.best);
    } else {
        complain("unknown command \"%s\"; see holdfast help", name);
    }
    return false;
}

static bool unknown_in_group(const struct command *group, const char *word)
{
    struct suggestion s = suggest_for(word);
    const size_t      prefix = strlen(group->name) + 1;
    for (size_t i = 0; command_in_group(i); i++) {
        suggest_offer(&s, command_in_group(i)->name + prefix);
    }
    if (s.best) {
        complain("%s: unknown command \"%s\"; did you mean \"%s\"?", group->name, word,
                 s.best);
    } else {
        complain("%s: unknown command \"%s\"; see holdfast help %s", group->name, word,
                 group->name);
    }
    return false;
}

static bool unknown_flag(const struct invocation *inv, const char *name)
{
    if (strcmp(name, "--password") == 0) {
        complain("--password: others could read it there; give it by --password-file, "
                 "--ask-password or REDIS_PASSWORD");
        return false;
    }
    struct suggestion s = suggest_for(name);
    for (size_t i = 0; i < OWN_FLAGS; i++) suggest_offer(&s, own_flags[i]);
    for (size_t i = 0; i < FLAGS_MAX && inv->command && inv->command->flags[i].name; i++) {
        suggest_offer(&s, inv->command->flags[i].name);
    }
    const struct hf_option_info *option;
    for (size_t i = 0; (option = hf_option_at(i)); i++) {
        if (option->flag) suggest_offer(&s, option->flag);
    }
    if (s.best) {
        complain("unknown option \"%s\"; did you mean %s?", name, s.best);
    } else if (name[1] != '-') {
        complain("unknown option \"%s\"; put -- in front of an argument that begins with -",
                 name);
    } else {
        complain("unknown option \"%s\"; see holdfast help options", name);
    }
    return false;
}

/* The value behind the flag: what follows '=', or the next argument; NULL after complaint. */
static char *take_value(struct scan *scan, const char *name, char *inline_value)
{
    if (inline_value) return inline_value;
    if (!*scan->next) {
        complain("%s needs a value", name);
        return NULL;
    }
    return *scan->next++;
}

static bool take_nothing(const char *name, const char *inline_value)
{
    if (inline_value) complain("%s takes no value", name);
    return !inline_value;
}

static bool remember(struct scan *scan, const struct hf_option_info *option, char *value)
{
    if (!value) return false;
    scan->settings[scan->setting_count++] = (struct setting){ option, value };
    return true;
}

/* --some-option of the table, and --no-some-option of a switch. */
static bool read_option(struct scan *scan, const char *name, char *value, bool *known)
{
    static char                  on[] = "true", off[] = "false";
    const struct hf_option_info *option;
    const bool                   negated = strncmp(name, "--no-", 5) == 0;
    for (size_t i = 0; (option = hf_option_at(i)); i++) {
        if (!option->flag) continue;
        const bool is_switch = strcmp(option->kind, "switch") == 0;
        *known = true;
        if (is_switch && negated && strcmp(name + 5, option->flag + 2) == 0) {
            return take_nothing(name, value) && remember(scan, option, off);
        }
        if (strcmp(name, option->flag) != 0) continue;
        if (is_switch) return remember(scan, option, value ? value : on);
        return remember(scan, option, take_value(scan, name, value));
    }
    *known = false;
    return true;
}

static bool read_own_flag(struct scan *scan, const char *name, char *value, bool *known)
{
    *known = true;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        scan->show = SHOW_HELP;
        return take_nothing(name, value);
    }
    if (strcmp(name, "--version") == 0) {
        scan->show = SHOW_VERSION;
        return take_nothing(name, value);
    }
    if (strcmp(name, "--json") == 0) {
        scan->inv->json = true;
        return take_nothing(name, value);
    }
    if (strcmp(name, "--ask-password") == 0) {
        scan->ask_password = true;
        return take_nothing(name, value);
    }
    if (strcmp(name, "--password-file") == 0) {
        scan->password_file = take_value(scan, name, value);
        return scan->password_file != NULL;
    }
    *known = false;
    return true;
}

static bool read_command_flag(struct scan *scan, const char *name, char *value, bool *known)
{
    const struct command *command = scan->inv->command;
    for (size_t i = 0; i < FLAGS_MAX && command && command->flags[i].name; i++) {
        const struct flag *flag = &command->flags[i];
        if (strcmp(flag->name, name) != 0) continue;
        *known = true;
        if (!flag->value) {
            scan->inv->values[i] = "";
            return take_nothing(name, value);
        }
        scan->inv->values[i] = take_value(scan, name, value);
        return scan->inv->values[i] != NULL;
    }
    *known = false;
    return true;
}

static bool read_flag(struct scan *scan, char *argument)
{
    char *value = strchr(argument, '=');
    if (value) *value++ = '\0';

    bool known = false;
    bool good = read_own_flag(scan, argument, value, &known);
    if (!known) good = read_command_flag(scan, argument, value, &known);
    if (!known) good = read_option(scan, argument, value, &known);
    if (!known) good = unknown_flag(scan->inv, argument);
    if (value) value[-1] = '=';
    return good;
}

/* The first argument that is no flag names the command, of a group the first two; flags of
 * its own follow it. */
static bool read_argument(struct scan *scan, char *argument)
{
    struct invocation *inv = scan->inv;
    if (inv->command && command_is_group(inv->command)) {
        const struct command *group = inv->command;
        const struct command *member = command_find_in_group(argument);
        if (member) inv->command = member;
        return member || unknown_in_group(group, argument);
    }
    if (inv->command) {
        inv->args[inv->arg_count++] = argument;
        return true;
    }
    inv->command = command_find(argument);
    return inv->command || unknown_command(argument);
}

static bool set_option(struct invocation *inv, const struct hf_option_info *option,
                       const char *value)
{
    struct hf_error error;
    if (hf_options_set(inv->options, option->name, value, &error) == HF_OK) return true;
    const char *colon = strchr(error.detail, ':');
    complain("%s%s", option->flag, colon ? colon : error.detail);
    return false;
}

/* A URL may hold a password: it is hidden in argv before anything else happens. */
static bool set_url(struct invocation *inv, const struct hf_option_info *option, char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        complain("out of memory");
        return false;
    }
    password_hide(value);
    inv->url_given = true;
    inv->url_embedded = strncasecmp(copy, "embedded:", strlen("embedded:")) == 0;
    const bool good = set_option(inv, option, copy);
    explicit_bzero(copy, strlen(copy));
    free(copy);
    return good;
}

static bool is_url(const struct setting *setting)
{
    return strcmp(setting->option->kind, "url") == 0;
}

/* The URL first, so that a flag wins over a parameter of the URL wherever it stands. */
static bool apply_settings(const struct scan *scan)
{
    for (size_t i = 0; i < scan->setting_count; i++) {
        const struct setting *s = &scan->settings[i];
        if (is_url(s) && !set_url(scan->inv, s->option, s->value)) return false;
    }
    for (size_t i = 0; i < scan->setting_count; i++) {
        const struct setting *s = &scan->settings[i];
        if (!is_url(s) && !set_option(scan->inv, s->option, s->value)) return false;
    }
    return true;
}

static bool check_arguments(const struct invocation *inv)
{
    const struct command *c = inv->command;
    if (!c) {
        complain("no command was given; see holdfast help");
        return false;
    }
    if (command_is_group(c)) {
        complain("%s: no command was given; see holdfast help %s", c->name, c->name);
        return false;
    }
    if (inv->arg_count >= c->arg_min && inv->arg_count <= c->arg_max) return true;
    complain("%s: too %s arguments; usage: holdfast %s%s%s", c->name,
             inv->arg_count < c->arg_min ? "few" : "many", c->name,
             c->arguments[0] ? " " : "", c->arguments);
    return false;
}

static bool read_passwords(const struct scan *scan)
{
    if (scan->password_file && !password_from_file(scan->inv->options, scan->password_file)) {
        return false;
    }
    return !scan->ask_password || password_from_prompt(scan->inv->options);
}

static bool read_environment(struct invocation *inv)
{
    struct hf_error error;
    if (hf_options_from_environment(inv->options, &error) == HF_OK) return true;
    complain("%s", error.detail);
    return false;
}

static bool read_all(struct scan *scan)
{
    bool flags_end = false;
    while (*scan->next) {
        char      *argument = *scan->next++;
        const bool is_flag = !flags_end && argument[0] == '-' && argument[1] != '\0';
        if (is_flag && strcmp(argument, "--") == 0) {
            flags_end = true;
        } else if (!(is_flag ? read_flag(scan, argument) : read_argument(scan, argument))) {
            return false;
        }
    }
    return true;
}

bool arguments_parse(struct invocation *inv, int argc, char **argv, enum what_to_show *show)
{
    struct scan scan = { .inv = inv, .next = argv + (argc > 0) };
    *inv = (struct invocation){ 0 };
    inv->args = calloc((size_t)argc + 1, sizeof *inv->args);
    scan.settings = calloc((size_t)argc + 1, sizeof *scan.settings);
    if (!inv->args || !scan.settings || hf_options_open(&inv->options) != HF_OK) {
        complain("out of memory");
        free(scan.settings);
        return false;
    }
    /* What a command has to say, it says itself. */
    struct hf_error error;
    bool good = hf_options_set(inv->options, "log_level", "silent", &error) == HF_OK;
    if (good) good = read_all(&scan);
    if (good && scan.show == SHOW_NOTHING) {
        good = check_arguments(inv) && read_environment(inv) && apply_settings(&scan) &&
               read_passwords(&scan);
    }
    *show = scan.show;
    free(scan.settings);
    return good;
}

void arguments_free(struct invocation *inv)
{
    hf_options_close(inv->options);
    free(inv->args);
}
