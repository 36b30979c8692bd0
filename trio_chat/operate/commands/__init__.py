"""The commands, a file for each subject. `operate.command_table` names them all."""
