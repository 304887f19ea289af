"""Who may do what: keys with scopes and series, asked by the gate and by the routes. Values and decisions only."""
