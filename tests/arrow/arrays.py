"""Batches of pyarrow go through the Arrow C data interface into Leat's vectors and back: `arrays.py bridge.so`."""

import ctypes
import datetime
import decimal
import sys
import uuid

import pyarrow as pa

bridge = ctypes.CDLL(sys.argv[1]).bridge
bridge.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_char_p]
passed = failed = 0


def through(batch):
    """The batch as it comes back; an error's text instead if it was refused."""
    space = [ctypes.create_string_buffer(256) for _ in range(4)]
    schema_in, array_in, schema_out, array_out = [ctypes.addressof(buffer) for buffer in space]
    message = ctypes.create_string_buffer(1024)
    batch._export_to_c(array_in, schema_in)
    status = bridge(schema_in, array_in, schema_out, array_out, message)
    pa.Schema._import_from_c(schema_in)  # takes and releases it
    if status:
        return message.value.decode()
    return pa.RecordBatch._import_from_c(array_out, schema_out)


def values(array):
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    return array.to_pylist()


def check(name, array, expected=None):
    global passed, failed
    back = through(pa.record_batch([array], names=["x"]))
    wanted = values(array) if expected is None else expected
    if isinstance(back, str) or values(back.column(0)) != wanted or back.validate(full=True):
        failed += 1
        print(f"FAIL {name}: {back if isinstance(back, str) else values(back.column(0))}, not {wanted}")
    else:
        passed += 1


day = datetime.date(2024, 2, 29)
moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
simple = {
    pa.null(): [None, None, None],
    pa.bool_(): [True, None, False],
    pa.int8(): [1, None, -128],
    pa.int16(): [1, None, -32768],
    pa.int32(): [1, None, -(2**31)],
    pa.int64(): [1, None, -(2**63)],
    pa.uint8(): [1, None, 255],
    pa.uint16(): [1, None, 65535],
    pa.uint32(): [1, None, 2**32 - 1],
    pa.float16(): [1.5, None, -2.0],
    pa.float32(): [1.5, None, -2.0],
    pa.float64(): [1.5, None, 1e300],
    pa.decimal32(7, 2): [decimal.Decimal("1.23"), None, decimal.Decimal("-99999.99")],
    pa.decimal64(18, 0): [decimal.Decimal(10**18 - 1), None, decimal.Decimal(-1)],
    pa.decimal128(38, 10): [decimal.Decimal("1.0000000001"), None, decimal.Decimal(-(10**27))],
    pa.string(): ["a", None, "a text of more than twelve bytes, é"],
    pa.large_string(): ["a", None, "a text of more than twelve bytes, é"],
    pa.string_view(): ["a", None, "a text of more than twelve bytes, é"],
    pa.binary(): [b"\0\xff", None, b"x" * 100],
    pa.large_binary(): [b"\0\xff", None, b"x" * 100],
    pa.binary_view(): [b"\0\xff", None, b"x" * 100],
    pa.binary(3): [b"abc", None, b"\0\1\2"],
    pa.date32(): [day, None, datetime.date(1, 1, 1)],
    pa.date64(): [day, None, datetime.date(1969, 12, 31)],
    pa.time32("s"): [datetime.time(1, 2, 3), None, datetime.time(0)],
    pa.time64("us"): [datetime.time(1, 2, 3, 4), None, datetime.time(23, 59, 59, 999999)],
    pa.timestamp("s"): [moment.replace(microsecond=0), None, datetime.datetime(1900, 1, 1)],
    pa.timestamp("ms"): [moment, None, datetime.datetime(1900, 1, 1)],
    pa.timestamp("us"): [moment, None, datetime.datetime(1900, 1, 1)],
    pa.list_(pa.int32()): [[1, None], None, []],
    pa.large_list(pa.string()): [["a", "a text of more than twelve bytes"], None, []],
    pa.list_(pa.int64(), 2): [[1, 2], None, [3, None]],
    pa.list_view(pa.int32()): [[1, 2], None, [3]],
    pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]): [{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}],
    pa.map_(pa.string(), pa.float64()): [[("a", 1.0), ("b", None)], None, []],
    pa.month_day_nano_interval(): [pa.MonthDayNano([1, -2, 3000]), None, pa.MonthDayNano([0, 0, 0])],
}
for kind, rows in simple.items():
    array = pa.array(rows * 50, type=kind)
    check(str(kind), array)
    check(f"{kind} sliced", array.slice(7, 100))
    check(f"{kind} without rows", array.slice(0, 0))
    if not pa.types.is_nested(kind) and not pa.types.is_null(kind) and kind != pa.month_day_nano_interval():
        try:
            encoded = array.dictionary_encode()
        except (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid):
            continue
        check(f"{kind} with a dictionary", encoded)
        check(f"{kind} with a dictionary, sliced", encoded.slice(3, 40))
check("uint64", pa.array([1, None, 2**64 - 1], pa.uint64()), [decimal.Decimal(1), None, decimal.Decimal(2**64 - 1)])
zoned = pa.array([moment], pa.timestamp("us", tz="UTC"))
check("timestamp with zone", zoned)
key = uuid.uuid4()
check("uuid", pa.array([key.bytes, None], pa.uuid()), [key.bytes, None])
check("json", pa.array(['{"a": 1}', None], pa.json_()), ['{"a": 1}', None])
for name, array in {
    "duration": pa.array([1], pa.duration("s")),
    "decimal256": pa.array([decimal.Decimal(1)], pa.decimal256(76, 0)),
    "union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    "run ends": pa.RunEndEncodedArray.from_arrays([2], [1]),
}.items():
    back = through(pa.record_batch([array], names=["x"]))
    if isinstance(back, str) and 'column "x"' in back:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {back}")
broken = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xc3("))
if isinstance(through(pa.record_batch([broken], names=["x"])), str):
    passed += 1
else:
    failed += 1
    print("FAIL text that is not UTF-8 is taken")
if pa.total_allocated_bytes() > 1 << 20:
    failed += 1
    print(f"FAIL {pa.total_allocated_bytes()} bytes are not given back")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
