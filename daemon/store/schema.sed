# schema.sql as C strings, one a line: a single literal would be longer than
# every compiler must take. Comments and empty lines stay behind.
/^--/d
/^$/d
s/[\\"]/\\&/g
s/.*/"&\\n",/
