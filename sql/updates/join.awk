# This program writes the script of an update. The program replaces a line `-- @piece@` by the file piece.sql of
# sql/extension. It replaces the line `-- @code@` by all files that the variable `code` names. In these files it changes
# CREATE to CREATE OR REPLACE, so that the functions and views replace the old ones. The program replaces the line
# `-- @comments@` by the COMMENT statements of all files that the variable `tables` names, without the CREATE TABLE statements.
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
