# Joins an update's script: a line `-- @piece@` becomes that piece of sql/extension, and `-- @code@` becomes all pieces named in
# the variable `code`, whose functions and views replace those that are there.
function include(piece, replacing,    file, line) {
    file = "sql/extension/" piece ".sql"
    while ((getline line < file) > 0) {
        if (replacing)
            sub(/^CREATE /, "CREATE OR REPLACE ", line)
        print line
    }
    close(file)
}
/^-- @code@$/ {
    count = split(code, pieces, " ")
    for (i = 1; i <= count; i++) {
        if (i > 1)
            print ""
        include(pieces[i], 1)
    }
    next
}
/^-- @[a-z_\/]+@$/ {
    gsub(/^-- @|@$/, "")
    include($0, 0)
    next
}
{ print }
