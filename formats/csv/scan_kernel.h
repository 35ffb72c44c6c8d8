/*
 * The scanner's loop over 64-byte blocks, compiled once for each instruction set. The includer
 * defines KERNEL (name), TARGET (attribute), MASKS(data, delimiter, quote, masks), PREFIX_XOR(x)
 * and EMIT(ends, base, mask), which writes the positions of the mask's bits (and may write up to 64
 * words).
 */
TARGET static size_t KERNEL(const struct csv_dialect *dialect, const uint8_t *data, size_t from,
                            size_t length, bool last, enum csv_state *state,
                            struct csv_index *index)
{
    const char delimiter = dialect->delimiter[0];
    const char quote = dialect->quote;
    size_t at = from, end_count = index->end_count, row_count = index->row_count;
    uint64_t quoted = *state == CSV_QUOTED ? UINT64_MAX : 0;
    uint64_t may_open =
        *state == CSV_ROW_START || *state == CSV_FIELD_START || *state == CSV_CLOSED;
    uint64_t high = 0, lines = 0;
    enum csv_state now = *state;

    (void)last;
    while (at < length) {
        struct block_masks m;
        uint64_t inside, lone, newline, structural, opening, closing;
        uint64_t valid = length - at >= 64 ? UINT64_MAX : ((uint64_t)1 << (length - at)) - 1;

        if (index->row_capacity - row_count < 64 ||
            (!index->rows_only && index->end_capacity - end_count < 128))
            break;
        MASKS(data + at, delimiter, quote, &m);
        if (!quote)
            m.quote = 0;
        high |= m.high & valid;
        lone = m.carriage & valid;
        if (lone) /* not before a line feed; the byte behind the block is padding at worst */
            lone &= ~(m.feed >> 1 | (uint64_t)(data[at + 64] == '\n') << 63);
        newline = (m.feed & valid) | lone;
        lines += (uint64_t)__builtin_popcountll(newline);
        if ((m.quote & valid) == 0) {
            inside = quoted;
            opening = closing = 0;
        } else {
            m.quote &= valid;
            inside = PREFIX_XOR(m.quote) ^ quoted;
            opening = m.quote & inside;
            closing = m.quote & ~inside;
        }
        newline &= ~inside;
        structural = ((m.delimiter & valid) & ~inside) | newline;
        if (opening & ~((structural | closing) << 1 | may_open)) {
            /* A quote within an unquoted field: one byte at a time. */
            size_t stop = length - at < 64 ? length : at + 64;
            index->end_count = end_count;
            index->row_count = row_count;
            scan_bytes(dialect, data, at, stop, length, &now, index);
            end_count = index->end_count;
            row_count = index->row_count;
        } else {
            if (!index->rows_only)
                EMIT(index->ends + end_count, (uint32_t)at, structural);
            for (uint64_t rest = newline; rest; rest &= rest - 1) {
                uint64_t upto = rest ^ (rest - 1);
                index->row_totals[row_count] =
                    (uint32_t)(end_count + (uint64_t)__builtin_popcountll(structural & upto));
                index->row_newlines[row_count++] = (uint32_t)at + (uint32_t)__builtin_ctzll(rest);
            }
            end_count += (uint64_t)__builtin_popcountll(structural);
            {
                uint64_t top = valid ^ valid >> 1; /* the block's last byte */
                if (inside & top)
                    now = CSV_QUOTED;
                else if (newline & top)
                    now = CSV_ROW_START;
                else if (structural & top)
                    now = CSV_FIELD_START;
                else
                    now = closing & top ? CSV_CLOSED : CSV_UNQUOTED;
            }
        }
        quoted = now == CSV_QUOTED ? UINT64_MAX : 0;
        may_open = now == CSV_ROW_START || now == CSV_FIELD_START || now == CSV_CLOSED;
        at = length - at < 64 ? length : at + 64;
    }
    index->end_count = end_count;
    index->row_count = row_count;
    index->non_ascii |= high != 0;
    index->lines += lines;
    *state = now;
    return at;
}
#undef KERNEL
#undef TARGET
#undef MASKS
#undef PREFIX_XOR
#undef EMIT
