-- Plan each query for the values it is given, until the end of the transaction: only then are the chunks outside of its
-- bounds left alone when it is planned.
set local plan_cache_mode = force_custom_plan
