-- Until the end of the transaction, plan each query for the values it is given, since only then are the chunks outside
-- of its bounds left alone when it is planned; and compile nothing, which takes longer than any of these queries.
select
  set_config('plan_cache_mode', 'force_custom_plan', true),
  set_config('jit', 'off', true)
