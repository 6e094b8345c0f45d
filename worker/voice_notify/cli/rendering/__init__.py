"""How people see the documents: sentences, tables and colours at the terminal."""
