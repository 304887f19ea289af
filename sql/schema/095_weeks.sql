-- From now on a chunk of reading is a week instead of a day. Chunks that exist stay as they are, and where one of them
-- lies within a week, the chunk of that week is cut to fit.
--
-- Many things cost something for each chunk: to create it takes 8 ms and 10 locks, and whatever has no narrow bounds is
-- planned for each of them. Ten years of days would be 3,650 chunks, ten years of weeks are 521. A chunk needn't fit
-- into memory, since readings come in the order of time and only its end is written to.
select set_chunk_time_interval('reading', interval '7 days');
