# Joins an update's script. A line `-- @piece@` becomes that piece of sql/extension. `-- @code@` becomes all pieces named in the
# variable `code`, whose functions and views replace the old ones. `-- @comments@` becomes the comments in all pieces named in the
# variable `tables`, without the tables.
function include(piece, what,    file, line, inside) {
    file = "sql/extension/" piece ".sql"
    while ((getline line < file) > 0) {
        if (what == "code")
            sub(/^CREATE /, "CREATE OR REPLACE ", line)
        if (line ~ /^COMMENT ON /)
            inside = 1
        if (what != "comments" || inside)
            print line
        if (line ~ /';$/)
            inside = 0
    }
    close(file)
}
function include_all(list, what,    count, pieces, i) {
    count = split(list, pieces, " ")
    for (i = 1; i <= count; i++) {
        if (i > 1 && what == "code")
            print ""
        include(pieces[i], what)
    }
}
/^-- @code@$/ { include_all(code, "code"); next }
/^-- @comments@$/ { include_all(tables, "comments"); next }
/^-- @[a-z_\/]+@$/ {
    gsub(/^-- @|@$/, "")
    include($0, "all")
    next
}
{ print }
