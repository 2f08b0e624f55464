-- Online Retail (UCI): the order lines of a year at a gift wholesaler. One row per line, duplicates included.
-- A line has no key, so its content is its key: a line that comes twice is a duplicate, which the warehouse removes and counts.
with lines as (
    select * replace (
        -- Excel writes 12/1/2010 8:26, month first, when it saves the sheet as CSV.
        coalesce(
            try_cast(InvoiceDate as timestamp),
            strptime(cast(InvoiceDate as varchar), '%m/%d/%Y %H:%M')
        ) as InvoiceDate
    )
    from $source
)

select
    md5(concat_ws(
        '|',
        coalesce(cast(InvoiceNo as varchar), ''),
        coalesce(cast(StockCode as varchar), ''),
        coalesce(cast(Description as varchar), ''),
        coalesce(cast(Quantity as varchar), ''),
        coalesce(cast(InvoiceDate as varchar), ''),
        coalesce(cast(UnitPrice as varchar), ''),
        coalesce(cast(CustomerID as varchar), '')
    )) as event_id,
    cast(CustomerID as varchar) as user_id,
    case
        when cast(InvoiceNo as varchar) like 'C%' then 'cancellation'
        when Quantity > 0 and UnitPrice > 0 and cast(InvoiceNo as varchar) not like 'A%' then 'purchase'
        -- Bad debt (invoices A...), stock written off, samples given away.
        else 'adjustment'
    end as event_type,
    InvoiceDate as occurred_at,
    cast(StockCode as varchar) as item_id,
    Quantity * UnitPrice as revenue,
    cast(InvoiceNo as varchar) as invoice_id,
    Description as description,
    Quantity as quantity,
    UnitPrice as unit_price,
    Country as country
from lines
