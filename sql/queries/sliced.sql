-- Up to where what comes after $1, the watermark of the rollup of minutes, can be read from slices.
select sliced_upto($1::timestamptz) as upto
