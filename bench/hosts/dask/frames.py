"""Queries of TPC-H as one writes them with Dask DataFrame: each takes a function that opens a table with the columns it
needs, and gives a small pandas DataFrame whose columns are in the order of the query's."""

import dask.dataframe as dd
import pandas as pd

DAY = pd.Timestamp


def q01(table):
    names = ["l_returnflag", "l_linestatus", "l_quantity", "l_extendedprice", "l_discount", "l_tax", "l_shipdate"]
    item = table("lineitem", names)
    item = item[item.l_shipdate <= DAY("1998-09-02")]
    item = item.assign(disc_price=item.l_extendedprice * (1 - item.l_discount))
    item = item.assign(charge=item.disc_price * (1 + item.l_tax))
    groups = item.groupby(["l_returnflag", "l_linestatus"])
    sums = groups[["l_quantity", "l_extendedprice", "disc_price", "charge", "l_discount"]].sum()
    both = sums.assign(n=groups.size()).compute()
    out = both[["l_quantity", "l_extendedprice", "disc_price", "charge"]].copy()
    for name in ("l_quantity", "l_extendedprice", "l_discount"):
        out["avg_" + name] = both[name] / both.n
    out["n"] = both.n
    return out.reset_index().sort_values(["l_returnflag", "l_linestatus"])


def q03(table):
    customer = table("customer", ["c_custkey", "c_mktsegment"])
    order = table("orders", ["o_orderkey", "o_custkey", "o_orderdate", "o_shippriority"])
    item = table("lineitem", ["l_orderkey", "l_extendedprice", "l_discount", "l_shipdate"])
    order = order[order.o_orderdate < DAY("1995-03-15")]
    customer = customer[customer.c_mktsegment == "BUILDING"]
    item = item[item.l_shipdate > DAY("1995-03-15")]
    joined = order.merge(customer, left_on="o_custkey", right_on="c_custkey").merge(
        item, left_on="o_orderkey", right_on="l_orderkey"
    )
    joined = joined.assign(revenue=joined.l_extendedprice * (1 - joined.l_discount))
    groups = joined.groupby(["l_orderkey", "o_orderdate", "o_shippriority"]).revenue.sum().compute().reset_index()
    groups = groups.sort_values(["revenue", "o_orderdate"], ascending=[False, True]).head(10)
    return groups[["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]]


def q04(table):
    order = table("orders", ["o_orderkey", "o_orderdate", "o_orderpriority"])
    item = table("lineitem", ["l_orderkey", "l_commitdate", "l_receiptdate"])
    order = order[(order.o_orderdate >= DAY("1993-07-01")) & (order.o_orderdate < DAY("1993-10-01"))]
    late = item[item.l_commitdate < item.l_receiptdate][["l_orderkey"]].drop_duplicates()
    joined = order.merge(late, left_on="o_orderkey", right_on="l_orderkey")
    return joined.groupby("o_orderpriority").size().compute().reset_index().sort_values("o_orderpriority")


def q05(table):
    customer = table("customer", ["c_custkey", "c_nationkey"])
    order = table("orders", ["o_orderkey", "o_custkey", "o_orderdate"])
    item = table("lineitem", ["l_orderkey", "l_suppkey", "l_extendedprice", "l_discount"])
    supplier = table("supplier", ["s_suppkey", "s_nationkey"])
    nation = table("nation", ["n_nationkey", "n_name", "n_regionkey"])
    region = table("region", ["r_regionkey", "r_name"])
    nation = nation.merge(region[region.r_name == "ASIA"], left_on="n_regionkey", right_on="r_regionkey")
    supplier = supplier.merge(nation, left_on="s_nationkey", right_on="n_nationkey")
    order = order[(order.o_orderdate >= DAY("1994-01-01")) & (order.o_orderdate < DAY("1995-01-01"))]
    joined = order.merge(customer, left_on="o_custkey", right_on="c_custkey").merge(
        item, left_on="o_orderkey", right_on="l_orderkey"
    )
    joined = joined.merge(supplier, left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])
    joined = joined.assign(revenue=joined.l_extendedprice * (1 - joined.l_discount))
    return joined.groupby("n_name").revenue.sum().compute().reset_index().sort_values("revenue", ascending=False)


def q06(table):
    item = table("lineitem", ["l_shipdate", "l_discount", "l_quantity", "l_extendedprice"])
    item = item[(item.l_shipdate >= DAY("1994-01-01")) & (item.l_shipdate < DAY("1995-01-01"))]
    item = item[(item.l_discount >= 0.05) & (item.l_discount <= 0.07) & (item.l_quantity < 24)]
    return pd.DataFrame({"revenue": [(item.l_extendedprice * item.l_discount).sum().compute()]})


def q10(table):
    names = ["c_custkey", "c_name", "c_acctbal", "c_phone", "c_address", "c_comment"]
    customer = table("customer", [*names, "c_nationkey"])
    order = table("orders", ["o_orderkey", "o_custkey", "o_orderdate"])
    item = table("lineitem", ["l_orderkey", "l_extendedprice", "l_discount", "l_returnflag"])
    nation = table("nation", ["n_nationkey", "n_name"])
    order = order[(order.o_orderdate >= DAY("1993-10-01")) & (order.o_orderdate < DAY("1994-01-01"))]
    item = item[item.l_returnflag == "R"]
    joined = order.merge(item, left_on="o_orderkey", right_on="l_orderkey")
    joined = joined.assign(revenue=joined.l_extendedprice * (1 - joined.l_discount))
    revenue = joined.groupby("o_custkey").revenue.sum().reset_index()
    out = revenue.merge(customer, left_on="o_custkey", right_on="c_custkey").merge(
        nation, left_on="c_nationkey", right_on="n_nationkey"
    )
    out = out.nlargest(20, "revenue").compute().sort_values("revenue", ascending=False)
    return out[["c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"]]


def q12(table):
    order = table("orders", ["o_orderkey", "o_orderpriority"])
    item = table("lineitem", ["l_orderkey", "l_shipmode", "l_shipdate", "l_commitdate", "l_receiptdate"])
    item = item[
        item.l_shipmode.isin(["MAIL", "SHIP"])
        & (item.l_commitdate < item.l_receiptdate)
        & (item.l_shipdate < item.l_commitdate)
    ]
    item = item[(item.l_receiptdate >= DAY("1994-01-01")) & (item.l_receiptdate < DAY("1995-01-01"))]
    joined = item.merge(order, left_on="l_orderkey", right_on="o_orderkey")
    high = joined.o_orderpriority.isin(["1-URGENT", "2-HIGH"])
    joined = joined.assign(high=high.astype(int), low=(~high).astype(int))
    return joined.groupby("l_shipmode")[["high", "low"]].sum().compute().reset_index().sort_values("l_shipmode")


def q14(table):
    item = table("lineitem", ["l_partkey", "l_shipdate", "l_extendedprice", "l_discount"])
    part = table("part", ["p_partkey", "p_type"])
    item = item[(item.l_shipdate >= DAY("1995-09-01")) & (item.l_shipdate < DAY("1995-10-01"))]
    joined = item.merge(part, left_on="l_partkey", right_on="p_partkey")
    joined = joined.assign(revenue=joined.l_extendedprice * (1 - joined.l_discount))
    promo = joined.revenue.where(joined.p_type.str.startswith("PROMO"), 0.0)
    a, b = dd.compute(promo.sum(), joined.revenue.sum())
    return pd.DataFrame({"promo_revenue": [100.0 * a / b]})


QUERIES = {1: q01, 3: q03, 4: q04, 5: q05, 6: q06, 10: q10, 12: q12, 14: q14}
