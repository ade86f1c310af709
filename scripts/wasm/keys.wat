;; Finds the key in each of many CSV records, brings it into the form in which keys are compared, and hashes it.
;; Only src/keys/wasm calls it. `node scripts/wasm/build.mjs` compiles it into src/keys/wasm/key-scan-wasm.ts, and puts a
;; round of SipHash where `round` stands in parentheses: a call would not be inlined.
;;
;; A key that is not plain is left to TypeScript, which knows all rules: one with a byte that is not ASCII, with a quote
;; inside of it, with a blank or a control character at its beginning, with more than 255 bytes, and so on.
;;
;; Memory, from `base`:
;;     0  the secret of SipHash, two 64-bit words
;;    16  three secret 64-bit words of the filter; the last two are odd
;;    40  32-bit words:
;;          40 column of the key, from 0
;;          44 the delimiter
;;          48 form: 0 as it is, 1 in lower case, 2 an id, 3 a number
;;          52 address of the filter
;;          56 number of the filter's 64-bit words, a power of two, minus 1
;;          60 length of the prefix that the second cell must have, or 0
;;    64  the prefix
;;   128  16 bytes of 255, then 16 of 0
;;   192  the key in its form, padded with zeros
;;   512  16 bytes for each of at most 1,024 records: the filter's hash, address of the record, address after it; that is
;;        negative if the key is not plain
;; 16896  output, 32 bytes for each entry: address of the record, address after it, 1 if the key was hashed or else 0,
;;        unused, the hash
(module
  (memory (import "keys" "memory") 9)
  (global $base (mut i32) (i32.const 0))
  ;; The cell that $locate found.
  (global $from (mut i32) (i32.const 0))
  (global $to (mut i32) (i32.const 0))

  (func (export "prepare") (param $base i32)
    (global.set $base (local.get $base)))

  ;; Finds a cell of the record in [at, end), which has no line ending: [from, to), without its quotes.
  ;; Returns 0 if the record has fewer cells, 1 if the cell is plain, 2 if not.
  (func $locate (param $at i32) (param $end i32) (param $column i32) (param $delimiter i32) (result i32)
    (local $block v128)
    (local $marks i32)    ;; quotes and delimiters, one bit for each byte
    (local $mark i32)     ;; address of one of them
    (local $cell i32)     ;; where the current cell begins
    (local $inQuotes i32)
    (local $closed i32)   ;; the quote that closed the cell
    (local $skipped i32)  ;; the second half of a doubled quote
    (local $isOdd i32)    ;; the wanted cell has a quote inside
    (local.set $cell (local.get $at))
    (block $found
      (loop $blocks
        (if (i32.ge_u (local.get $at) (local.get $end))
          (then
            (local.set $mark (local.get $end))
            (br_if $found (i32.eqz (local.get $column)))
            (return (i32.const 0))))
        (local.set $block (v128.load (local.get $at)))
        (local.set $marks
          (i8x16.bitmask
            (v128.or
              (i8x16.eq (local.get $block) (i8x16.splat (local.get $delimiter)))
              (i8x16.eq (local.get $block) (i8x16.splat (i32.const 0x22))))))
        (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16))
          (then
            (local.set $marks
              (i32.and (local.get $marks)
                (i32.sub (i32.shl (i32.const 1) (i32.sub (local.get $end) (local.get $at))) (i32.const 1))))))
        (block $next
          (loop $each
            (br_if $next (i32.eqz (local.get $marks)))
            (local.set $mark (i32.add (local.get $at) (i32.ctz (local.get $marks))))
            (local.set $marks (i32.and (local.get $marks) (i32.sub (local.get $marks) (i32.const 1))))
            (if (i32.eq (i32.load8_u (local.get $mark)) (i32.const 0x22))
              (then
                (br_if $each (i32.eq (local.get $mark) (local.get $skipped)))
                (if (local.get $inQuotes)
                  (then
                    (if
                      (i32.and
                        (i32.lt_u (i32.add (local.get $mark) (i32.const 1)) (local.get $end))
                        (i32.eq (i32.load8_u offset=1 (local.get $mark)) (i32.const 0x22)))
                      (then
                        (local.set $skipped (i32.add (local.get $mark) (i32.const 1)))
                        (local.set $isOdd (i32.eqz (local.get $column))))
                      (else
                        (local.set $inQuotes (i32.const 0))
                        (local.set $closed (local.get $mark)))))
                  (else
                    (if (i32.eq (local.get $mark) (local.get $cell))
                      (then (local.set $inQuotes (i32.const 1)))
                      ;; A quote within a cell without quotes belongs to its text.
                      (else (local.set $isOdd (i32.eqz (local.get $column))))))))
              (else
                (br_if $each (local.get $inQuotes))
                (br_if $found (i32.eqz (local.get $column)))
                (local.set $column (i32.sub (local.get $column) (i32.const 1)))
                (local.set $cell (i32.add (local.get $mark) (i32.const 1)))))
            (br $each)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $blocks)))
    (global.set $from (local.get $cell))
    (global.set $to (local.get $mark))
    (if (local.get $isOdd) (then (return (i32.const 2))))
    (if (i32.lt_u (local.get $cell) (local.get $mark))
      (then
        (if (i32.eq (i32.load8_u (local.get $cell)) (i32.const 0x22))
          (then
            (if (i32.ne (local.get $closed) (i32.sub (local.get $mark) (i32.const 1)))
              (then (return (i32.const 2))))
            (global.set $from (i32.add (local.get $cell) (i32.const 1)))
            (global.set $to (local.get $closed))))))
    (i32.const 1))

  ;; Writes the form of the key in [from, to) to the place for it.
  ;; Returns its length, 0 for a blank cell, -1 if the key is not plain.
  (func $form (param $from i32) (param $to i32) (param $base i32) (result i32)
    (local $length i32) (local $form i32) (local $first i32) (local $at i32) (local $left i32)
    (local $bytes v128)
    (local $odd v128)     ;; bytes that no plain key has
    (local $mask i32)
    (local.set $length (i32.sub (local.get $to) (local.get $from)))
    (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
    (if (i32.gt_u (local.get $length) (i32.const 255)) (then (return (i32.const -1))))
    (local.set $form (i32.load offset=48 (local.get $base)))
    ;; It may be blank, or "#N/A".
    (local.set $first (i32.load8_u (local.get $from)))
    (if (i32.or (i32.le_u (local.get $first) (i32.const 0x20)) (i32.eq (local.get $first) (i32.const 0x23)))
      (then (return (i32.const -1))))
    (loop $blocks
      (local.set $left (i32.sub (local.get $length) (local.get $at)))
      (local.set $bytes (v128.load (i32.add (local.get $from) (local.get $at))))
      (if (i32.lt_u (local.get $left) (i32.const 16))
        (then
          (local.set $bytes
            (v128.and (local.get $bytes)
              (v128.load offset=144 (i32.sub (local.get $base) (local.get $left)))))))
      (local.set $odd
        (v128.or (local.get $odd)
          (v128.or
            (v128.and (local.get $bytes) (i8x16.splat (i32.const 0x80)))
            (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22))))))
      (if (i32.eq (local.get $form) (i32.const 1))
        (then
          ;; Letters from A to Z differ in one bit from small ones.
          (local.set $bytes
            (v128.or (local.get $bytes)
              (v128.and
                (i8x16.splat (i32.const 0x20))
                (i8x16.lt_u
                  (i8x16.sub (local.get $bytes) (i8x16.splat (i32.const 0x41)))
                  (i8x16.splat (i32.const 26))))))))
      (v128.store offset=192 (i32.add (local.get $base) (local.get $at)) (local.get $bytes))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $blocks (i32.lt_u (local.get $at) (local.get $length))))
    (v128.store offset=192 (i32.add (local.get $base) (local.get $at)) (v128.const i64x2 0 0))
    (if (v128.any_true (local.get $odd)) (then (return (i32.const -1))))
    (if (i32.eq (local.get $form) (i32.const 2))
      (then
        (if (i32.le_u (i32.load8_u (i32.sub (local.get $to) (i32.const 1))) (i32.const 0x20))
          (then (return (i32.const -1))))
        (if (i32.gt_u (local.get $length) (i32.const 15))
          (then
            (i32.store8 offset=207 (local.get $base) (i32.const 0))
            (v128.store offset=208 (local.get $base) (v128.const i64x2 0 0))
            (return (i32.const 15))))))
    (if (i32.eq (local.get $form) (i32.const 3))
      (then (return (call $number (local.get $length) (local.get $base)))))
    (local.get $length))

  ;; Replaces a whole number of at most 15 digits by its significant digits, "e", and the power of ten.
  ;; "120" becomes "12e1", and so does "120.0". Returns the length, or -1 for any other number.
  (func $number (param $length i32) (param $base i32) (result i32)
    (local $digits i32) (local $zeros i32) (local $at i32)
    (if (i32.gt_u (local.get $length) (i32.const 15)) (then (return (i32.const -1))))
    (if (i32.gt_u (local.get $length) (i32.const 2))
      (then
        ;; ".0"
        (if
          (i32.eq
            (i32.load16_u offset=190 (i32.add (local.get $base) (local.get $length)))
            (i32.const 0x302e))
          (then (local.set $length (i32.sub (local.get $length) (i32.const 2)))))))
    (local.set $digits
      (i8x16.bitmask
        (i8x16.lt_u
          (i8x16.sub (v128.load offset=192 (local.get $base)) (i8x16.splat (i32.const 0x30)))
          (i8x16.splat (i32.const 10)))))
    (if
      (i32.or
        (i32.ne
          (i32.and
            (local.get $digits)
            (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1)))
          (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1)))
        (i32.eq (i32.load8_u offset=192 (local.get $base)) (i32.const 0x30)))
      (then (return (i32.const -1))))
    ;; The first digit is not 0.
    (block $significant
      (loop $trailing
        (br_if $significant
          (i32.ne
            (i32.load8_u offset=191 (i32.add (local.get $base) (local.get $length)))
            (i32.const 0x30)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (local.set $zeros (i32.add (local.get $zeros) (i32.const 1)))
        (br $trailing)))
    (local.set $at (i32.add (local.get $base) (local.get $length)))
    (v128.store offset=192 (local.get $at) (v128.const i64x2 0x65 0))
    (if (i32.ge_u (local.get $zeros) (i32.const 10))
      (then
        (i32.store8 offset=193 (local.get $at) (i32.const 0x31))
        (i32.store8 offset=194 (local.get $at) (i32.add (local.get $zeros) (i32.const 0x26)))
        (return (i32.add (local.get $length) (i32.const 3)))))
    (i32.store8 offset=193 (local.get $at) (i32.add (local.get $zeros) (i32.const 0x30)))
    (i32.add (local.get $length) (i32.const 2)))

  ;; Of a key with at most 16 bytes, the quick hash.
  (func $mix (param $length i64) (param $low i64) (param $high i64) (param $base i32) (result i64)
    (local $hash i64)
    (local.set $hash
      (i64.mul
        (i64.xor
          (i64.xor (i64.load offset=16 (local.get $base)) (local.get $length))
          (local.get $low))
        (i64.load offset=24 (local.get $base))))
    (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))
    (local.set $hash
      (i64.mul (i64.xor (local.get $hash) (local.get $high)) (i64.load offset=32 (local.get $base))))
    (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29))))
    (local.set $hash (i64.mul (local.get $hash) (i64.load offset=24 (local.get $base))))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  ;; A quick hash of the key in its form.
  (func $quick (param $length i32) (param $base i32) (result i64)
    (local $hash i64) (local $at i32) (local $end i32) (local $one i64) (local $other i64)
    (local.set $hash (i64.xor (i64.load offset=16 (local.get $base)) (i64.extend_i32_u (local.get $length))))
    (local.set $one (i64.load offset=24 (local.get $base)))
    (local.set $other (i64.load offset=32 (local.get $base)))
    (local.set $at (local.get $base))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $blocks
      (local.set $hash
        (i64.mul (i64.xor (local.get $hash) (i64.load offset=192 (local.get $at))) (local.get $one)))
      (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))
      (local.set $hash
        (i64.mul (i64.xor (local.get $hash) (i64.load offset=200 (local.get $at))) (local.get $other)))
      (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $blocks (i32.lt_u (local.get $at) (local.get $end))))
    (local.set $hash (i64.mul (local.get $hash) (local.get $one)))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  ;; Three bits of one word of the filter.
  (func $bits (param $hash i64) (result i64)
    (i64.or
      (i64.shl (i64.const 1) (i64.shr_u (local.get $hash) (i64.const 58)))
      (i64.or
        (i64.shl (i64.const 1) (i64.shr_u (local.get $hash) (i64.const 52)))
        (i64.shl (i64.const 1) (i64.shr_u (local.get $hash) (i64.const 46))))))

  ;; Copies the bytes of a row.
  (func (export "copy") (param $to i32) (param $from i32) (param $length i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length)))

  ;; Adds the key in its place, of this length and padded with zeros, to the filter.
  (func (export "mark") (param $length i32)
    (local $hash i64) (local $word i32)
    (local.set $hash (call $quick (local.get $length) (global.get $base)))
    (local.set $word
      (i32.add
        (i32.load offset=52 (global.get $base))
        (i32.shl
          (i32.and (i32.wrap_i64 (local.get $hash)) (i32.load offset=56 (global.get $base)))
          (i32.const 3))))
    (i64.store (local.get $word) (i64.or (i64.load (local.get $word)) (call $bits (local.get $hash)))))

  ;; SipHash-2-4 with 128 bits of the key in its form, over its code units of 16 bits.
  (func $hash (param $length i32) (param $base i32) (param $to i32)
    (local $v0 i64) (local $v1 i64) (local $v2 i64) (local $v3 i64) (local $word i64)
    (local $at i32) (local $tail i32)
    (local.set $v0 (i64.xor (i64.load (local.get $base)) (i64.const 0x736f6d6570736575)))
    (local.set $v1 (i64.xor (i64.load offset=8 (local.get $base)) (i64.const 0x646f72616e646f83)))
    (local.set $v2 (i64.xor (i64.load (local.get $base)) (i64.const 0x6c7967656e657261)))
    (local.set $v3 (i64.xor (i64.load offset=8 (local.get $base)) (i64.const 0x7465646279746573)))
    (local.set $at (local.get $base))
    (local.set $tail (i32.add (local.get $base) (i32.and (local.get $length) (i32.const -4))))
    (loop $words
      ;; Four bytes become four units.
      (local.set $word (i64.load32_u offset=192 (local.get $at)))
      (local.set $word
        (i64.and
          (i64.or (local.get $word) (i64.shl (local.get $word) (i64.const 16)))
          (i64.const 0x0000ffff0000ffff)))
      (local.set $word
        (i64.and
          (i64.or (local.get $word) (i64.shl (local.get $word) (i64.const 8)))
          (i64.const 0x00ff00ff00ff00ff)))
      ;; The last word has the length in bytes, too.
      (if (i32.eq (local.get $at) (local.get $tail))
        (then
          (local.set $word
            (i64.or (local.get $word)
              (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 57))))))
      (local.set $v3 (i64.xor (local.get $v3) (local.get $word)))
      (round)
      (round)
      (local.set $v0 (i64.xor (local.get $v0) (local.get $word)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $words (i32.le_u (local.get $at) (local.get $tail))))
    (local.set $v2 (i64.xor (local.get $v2) (i64.const 0xee)))
    (round)
    (round)
    (round)
    (round)
    (i64.store (local.get $to)
      (i64.xor
        (i64.xor (local.get $v0) (local.get $v1))
        (i64.xor (local.get $v2) (local.get $v3))))
    (local.set $v1 (i64.xor (local.get $v1) (i64.const 0xdd)))
    (round)
    (round)
    (round)
    (round)
    (i64.store offset=8 (local.get $to)
      (i64.xor
        (i64.xor (local.get $v0) (local.get $v1))
        (i64.xor (local.get $v2) (local.get $v3)))))

  ;; Whether the cell in [from, …) begins with the prefix: none of its bytes is one that ends a cell.
  (func $hasPrefix (param $from i32) (param $base i32) (result i32)
    (local $at i32)
    (loop $bytes
      (if
        (i32.ne
          (i32.load8_u (i32.add (local.get $from) (local.get $at)))
          (i32.load8_u offset=64 (i32.add (local.get $base) (local.get $at))))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $bytes (i32.lt_u (local.get $at) (i32.load offset=60 (local.get $base)))))
    (i32.const 1))

  ;; Goes through `count` records that lie one right after the other from `start` on; `ends` lists the address after each.
  ;; Each ends with a line feed. `task`:
  ;; 0 find: those whose keys may be in the filter; rows without a key are left out.
  ;; 1 add: all, and their keys are added to the filter.
  ;; 2 check: only those that are not plain, or have no key.
  ;; 3 hash: all with a key.
  ;; Returns the number of entries of the output.
  ;;
  ;; In four steps, because the filter is larger than a cache. The second one only reads its words, so that the processor
  ;; waits for many of them at the same time: with five million keys, this halves the time of all four.
  (func (export "scan") (param $task i32) (param $ends i32) (param $count i32) (param $start i32) (result i32)
    (local $base i32) (local $end i32) (local $line i32) (local $entry i32) (local $last i32) (local $length i32)
    (local $kind i32) (local $column i32) (local $delimiter i32) (local $hash i64) (local $bits i64) (local $out i32)
    (local $filter i32) (local $isShort i32) (local $form i32) (local $marks i32)
    (local $key v128) (local $mark v128) (local $quote v128)
    (local $small v128) (local $capital v128) (local $letters v128)
    (local.set $base (global.get $base))
    (local.set $column (i32.load offset=40 (local.get $base)))
    (local.set $delimiter (i32.load offset=44 (local.get $base)))
    (local.set $form (i32.load offset=48 (local.get $base)))
    (local.set $mark (i8x16.splat (local.get $delimiter)))
    (local.set $quote (i8x16.splat (i32.const 0x22)))
    (local.set $small (i8x16.splat (i32.const 0x20)))
    (local.set $capital (i8x16.splat (i32.const 0x41)))
    (local.set $letters (i8x16.splat (i32.const 26)))
    (local.set $isShort
      (i32.and
        (i32.eqz (i32.or (local.get $column) (i32.load offset=60 (local.get $base))))
        (i32.and (i32.lt_u (local.get $task) (i32.const 2)) (i32.lt_u (local.get $form) (i32.const 3)))))
    (local.set $entry (i32.add (local.get $base) (i32.const 512)))
    (local.set $last (i32.add (local.get $ends) (i32.shl (local.get $count) (i32.const 2))))
    (block $listed
      (loop $records
        (br_if $listed (i32.eq (local.get $ends) (local.get $last)))
        (local.set $end (i32.load (local.get $ends)))
        (local.set $ends (i32.add (local.get $ends) (i32.const 4)))
        (i32.store offset=8 (local.get $entry) (local.get $start))
        (i32.store offset=12 (local.get $entry) (local.get $end))
        ;; The line ending does not belong to the last cell.
        (local.set $line (i32.sub (local.get $end) (i32.const 1)))
        (if (i32.lt_u (local.get $start) (local.get $line))
          (then
            (local.set $line
              (i32.sub (local.get $line)
                (i32.eq (i32.load8_u (i32.sub (local.get $line) (i32.const 1))) (i32.const 0x0d))))))
        (block $next
          (block $general
            ;; The most frequent kind: a short key in the first cell, without quotes. The same as below, without calls.
            (br_if $general (i32.eqz (local.get $isShort)))
            (local.set $key (v128.load (local.get $start)))
            (local.set $marks
              (i8x16.bitmask
                (v128.or
                  (i8x16.eq (local.get $key) (local.get $mark))
                  (i8x16.eq (local.get $key) (local.get $quote)))))
            (br_if $general (i32.eqz (local.get $marks)))
            (local.set $length (i32.ctz (local.get $marks)))
            (br_if $general (i32.ge_u (local.get $length) (i32.sub (local.get $line) (local.get $start))))
            (br_if $general (i32.gt_u (i32.sub (local.get $end) (local.get $start)) (i32.const 40000)))
            (br_if $general
              (i32.ne
                (i32.load8_u (i32.add (local.get $start) (local.get $length)))
                (local.get $delimiter)))
            (br_if $general (i32.eqz (local.get $length)))
            ;; Its first byte is not special, and all are ASCII.
            (local.set $kind (i8x16.extract_lane_u 0 (local.get $key)))
            (br_if $general (i32.le_u (local.get $kind) (i32.const 0x23)))
            (br_if $general
              (i32.and
                (i8x16.bitmask (local.get $key))
                (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1))))
            (if (i32.eq (local.get $form) (i32.const 1))
              (then
                (local.set $key
                  (v128.or (local.get $key)
                    (v128.and
                      (local.get $small)
                      (i8x16.lt_u
                        (i8x16.sub (local.get $key) (local.get $capital))
                        (local.get $letters)))))))
            (if (i32.eq (local.get $form) (i32.const 2))
              (then
                (br_if $general
                  (i32.le_u
                    (i32.load8_u (i32.sub (i32.add (local.get $start) (local.get $length)) (i32.const 1)))
                    (i32.const 0x20)))
                (if (i32.gt_u (local.get $length) (i32.const 15))
                  (then (local.set $length (i32.const 15))))))
            (local.set $key
              (v128.and (local.get $key)
                (v128.load offset=144 (i32.sub (local.get $base) (local.get $length)))))
            (i64.store (local.get $entry)
              (call $mix
                (i64.extend_i32_u (local.get $length))
                (i64x2.extract_lane 0 (local.get $key))
                (i64x2.extract_lane 1 (local.get $key))
                (local.get $base)))
            (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
            (br $next))
          (block $other
            ;; Longer rows are checked in TypeScript.
            (br_if $other (i32.gt_u (i32.sub (local.get $end) (local.get $start)) (i32.const 40000)))
            (if (i32.load offset=60 (local.get $base))
              (then
                (br_if $other
                  (i32.eqz
                    (call $locate
                      (local.get $start) (local.get $line) (i32.const 1) (local.get $delimiter))))
                (br_if $other
                  (i32.eqz
                    (call $hasPrefix
                      (i32.add (global.get $from)
                        (i32.eq (i32.load8_u (global.get $from)) (i32.const 0x22)))
                      (local.get $base))))))
            (local.set $kind
              (call $locate (local.get $start) (local.get $line) (local.get $column) (local.get $delimiter)))
            (br_if $other (i32.eq (local.get $kind) (i32.const 2)))
            (local.set $length (i32.const 0))
            (if (local.get $kind)
              (then
                (local.set $length
                  (call $form (global.get $from) (global.get $to) (local.get $base)))))
            (br_if $other (i32.lt_s (local.get $length) (i32.const 0)))
            (if (i32.eqz (local.get $length))
              (then
                ;; No key.
                (br_if $next
                  (i32.or
                    (i32.eqz (local.get $task))
                    (i32.eq (local.get $task) (i32.const 3))))
                (br $other)))
            (br_if $next (i32.eq (local.get $task) (i32.const 2)))
            (if (i32.lt_u (local.get $task) (i32.const 2))
              (then
                (i64.store (local.get $entry) (call $quick (local.get $length) (local.get $base)))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
            (br $next))
          (i32.store offset=12 (local.get $entry) (i32.sub (i32.const 0) (local.get $end)))
          (local.set $entry (i32.add (local.get $entry) (i32.const 16))))
        (local.set $start (local.get $end))
        (br $records)))
    (local.set $last (local.get $entry))

    (if (i32.lt_u (local.get $task) (i32.const 2))
      (then
        (local.set $entry (i32.add (local.get $base) (i32.const 512)))
        (local.set $filter (i32.load offset=52 (local.get $base)))
        (local.set $marks (i32.load offset=56 (local.get $base)))
        (local.set $bits (i64.const 0))
        (block $read
          (loop $words
            (br_if $read (i32.ge_u (local.get $entry) (local.get $last)))
            (local.set $bits
              (i64.xor (local.get $bits)
                (i64.load
                  (i32.add
                    (local.get $filter)
                    (i32.shl
                      (i32.and (i32.load (local.get $entry)) (local.get $marks))
                      (i32.const 3))))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
            (br $words)))
        (i64.store offset=176 (local.get $base) (local.get $bits))
        (local.set $entry (i32.add (local.get $base) (i32.const 512)))
        (local.set $out (local.get $entry))
        (block $probed
          (loop $entries
            (br_if $probed (i32.eq (local.get $entry) (local.get $last)))
            (local.set $hash (i64.load (local.get $entry)))
            (local.set $bits (call $bits (local.get $hash)))
            (local.set $kind
              (i32.add
                (i32.load offset=52 (local.get $base))
                (i32.shl
                  (i32.and (i32.wrap_i64 (local.get $hash)) (i32.load offset=56 (local.get $base)))
                  (i32.const 3))))
            ;; Without a branch: it would be mispredicted, and the words after it would have to wait.
            (v128.store (local.get $out) (v128.load (local.get $entry)))
            (local.set $out
              (i32.add (local.get $out)
                (i32.shl
                  (i32.or
                    (local.get $task)
                    (i32.or
                      (i64.eq
                        (i64.and (i64.load (local.get $kind)) (local.get $bits))
                        (local.get $bits))
                      (i32.lt_s (i32.load offset=12 (local.get $entry)) (i32.const 0))))
                  (i32.const 4))))
            (if (local.get $task)
              (then
                (if (i32.gt_s (i32.load offset=12 (local.get $entry)) (i32.const 0))
                  (then
                    (i64.store (local.get $kind) (i64.or (i64.load (local.get $kind)) (local.get $bits)))))))
            (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
            (br $entries)))
        (local.set $last (local.get $out))))

    (local.set $entry (i32.add (local.get $base) (i32.const 512)))
    (local.set $out (i32.add (local.get $base) (i32.const 16896)))
    (block $hashed
      (loop $hashes
        (br_if $hashed (i32.eq (local.get $entry) (local.get $last)))
        (local.set $start (i32.load offset=8 (local.get $entry)))
        (local.set $end (i32.load offset=12 (local.get $entry)))
        (i32.store (local.get $out) (local.get $start))
        (if (i32.lt_s (local.get $end) (i32.const 0))
          (then
            (i32.store offset=4 (local.get $out) (i32.sub (i32.const 0) (local.get $end)))
            (i32.store offset=8 (local.get $out) (i32.const 0)))
          (else
            (i32.store offset=4 (local.get $out) (local.get $end))
            (i32.store offset=8 (local.get $out) (i32.const 1))
            (local.set $line (i32.sub (local.get $end) (i32.const 1)))
            (local.set $line
              (i32.sub (local.get $line)
                (i32.eq (i32.load8_u (i32.sub (local.get $line) (i32.const 1))) (i32.const 0x0d))))
            (drop
              (call $locate (local.get $start) (local.get $line) (local.get $column) (local.get $delimiter)))
            (call $hash
              (call $form (global.get $from) (global.get $to) (local.get $base))
              (local.get $base)
              (i32.add (local.get $out) (i32.const 16)))))
        (local.set $out (i32.add (local.get $out) (i32.const 32)))
        (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
        (br $hashes)))
    (i32.shr_u
      (i32.sub (local.get $out) (i32.add (local.get $base) (i32.const 16896)))
      (i32.const 5)))
)
