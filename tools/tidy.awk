# The house rules for one C file. See tools/tidy.

BEGIN {
    # A layer may include itself and what stands before it. cache and tasks are neighbours.
    split("core observe resilience net topology client cache tasks export", layers)
    for (i in layers) rank[layers[i]] = i
    rank["tasks"] = rank["cache"]
}

function breach(what) { print FILENAME ":" FNR ": " what }

# The line without comments and without what stands in quotes.
function code_of(line,    code, at)
{
    code = ""
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            if (!at) return code
            line = substr(line, at + 2)
            in_comment = 0
        } else if (match(line, /"([^"\\]|\\.)*"|'([^'\\]|\\.)*'|\/\*|\/\//)) {
            at = substr(line, RSTART, RLENGTH)
            code = code substr(line, 1, RSTART - 1)
            if (at == "//") return code
            if (at == "/*") in_comment = 1
            else code = code "\"\""
            line = substr(line, RSTART + RLENGTH)
        } else {
            return code line
        }
    }
    return code
}

function check_include(line,    path, part, from, to)
{
    split(line, part, /[<">]/)
    path = part[2]
    if (FILENAME ~ /^include\// && line ~ /"/)
        breach("public header includes \"" path "\": include <holdfast/...> or the system's")
    if (FILENAME ~ /^(cli|examples)\// && line ~ /"/ && path ~ /\//)
        breach("includes \"" path "\": only <holdfast/...> and its own folder are open to it")
    if (FILENAME !~ /^src\// || line !~ /"/) return
    split(FILENAME, part, "/"); from = part[2]
    split(path, part, "/"); to = part[1]
    if (!(to in rank)) return
    if (from == "export" && to != "export")
        breach("the exporter stands on the public headers: include <holdfast/...>")
    if (to != from && rank[to] >= rank[from])
        breach("include points upward: " from " may not know " to ", move the code down")
}

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    if (FILENAME ~ /\.h$/ && index($0, "/* " name " - ") != 1)
        breach("header has no opening sentence: begin with \"/* " name " - what it is\"")
}

{
    text = $0
    gsub(/[\200-\277]/, "", text)
    if (length(text) > 94) breach(length(text) " columns: break the line at 94")
    if ($0 ~ /\t/) breach("tab: indent with spaces")
    if ($0 ~ /(TODO|FIXME)/) breach("unfinished: do it now, or file an issue")
    if ($0 ~ /[Cc]opyright/) breach("foreign notice: no vendored code in the tree")
    code = code_of($0)
}

/^[ ]*#[ ]*include/ { check_include($0) }

# Functions open and close in the first column.
/^\{/ { opened = FNR }
/^\}/ {
    if (opened && FNR - opened - 1 > 70)
        breach("function of " (FNR - opened - 1) " lines: 70 are the limit, split it")
    opened = 0
}

/^typedef struct/ { newtype = FNR }
/^\}/ && newtype {
    if (FNR - newtype > 2) breach("typedef of a struct: write struct where it is used")
    newtype = 0
}
code ~ /typedef[ ]+(struct|union)[^{]*;/ { breach("typedef of a struct: write struct where it is used") }

{ padded = " " code }

# The two that may sleep: the one wait for a condition, and the measurer of late wake-ups.
FILENAME ~ /^tests\// && FILENAME !~ /^tests\/support\/(wait|canary)\.c$/ &&
padded ~ /[^a-zA-Z0-9_>.](sleep|usleep|nanosleep|clock_nanosleep|thrd_sleep)[ ]*\(/ {
    breach("sleeps: wait for a condition with a bound, see tests/support/wait.h")
}

FILENAME ~ /^src\// && FILENAME != "src/core/assert.h" && padded ~ /[^a-zA-Z0-9_]assert[ ]*\(/ {
    breach("bare assert: use hf_assert (core/assert.h)")
}

# The exporter is a library of its own, which hands memory to those it stands on.
FILENAME ~ /^src\// && FILENAME !~ /^src\/export\// && FILENAME != "src/core/alloc.c" &&
padded ~ /[^a-zA-Z0-9_>.](malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|aligned_alloc|posix_memalign)[ ]*\(/ {
    breach("memory past the allocator: use core/alloc.h")
}

END { if (FNR > 600) breach("file of " FNR " lines: 600 are the limit, split it") }
