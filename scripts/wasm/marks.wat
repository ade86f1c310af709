;; Finds the ends of records in a CSV file, 64 bytes at a time, with SIMD compares, and shortens the bytes of a CRC-32.
;; Only src/csv/simd calls it. `node scripts/wasm/build.mjs` compiles it into src/csv/simd/simd-scan-wasm.ts, and expands
;; `(equal $x)`, a vector that is not zero if one of the 64 bytes is x, `(mask $x)`, one bit for each of them, `(list)`
;; and `(fold n)`: calls would not be inlined and cost a fifth.
;;
;; `scan` is compiled once for each kind of bytes (see VARIANTS in build.mjs): QUOTES, CRS and CHECKS become 0 or 1, and
;; the engine drops what a kind does not need.
;;
;; A block of 64 bytes becomes bit masks, one bit per byte, the first byte lowest: quotes, line feeds, carriage returns,
;; delimiters. The prefix xor of the quotes then shows which bytes are in quotes: bit n is set after an odd number of
;; quotes, or here, inverted, after an even one. That is only correct without misplaced quotes. At a block with a
;; misplaced quote, `scan` returns, and the byte-by-byte rules in TypeScript take over for a stretch.
;;
;; Memory, by address:
;;      0  state, 32-bit words:
;;           0 outside: 0 inside of a quoted cell, else -1
;;           4 closed: 1 if the previous byte closed a quoted cell
;;           8 borders: delimiters of the record so far
;;          12 last byte: the one before the scan
;;          16 lines: entries of the output
;;          20 short: not 0 if a line has fewer bytes than `short`
;;          24 ragged: not 0 if a record has another number of cells than `width`
;;     32  64-bit words, not 0 once seen in bytes with CRS: LF, CR LF, CR alone
;;   1024  the bytes of `fold`
;;  16380  where the line so far began, maybe before the scan
;;  16384  output, 32-bit words: for each line feed outside of quotes, including blank lines, the address after it
;; 278588  0
;; 278592  output, 32-bit words: for each of these, the delimiters outside of quotes from the record so far to there
;; 540800  input, at most 65,536 bytes in one scan
(module
  (memory (import "scan" "memory") 9)

  ;; Scans [at, to), whose length is a multiple of 64, and not 0.
  ;; QUOTES: there may be quotes, or the scan begins in a quoted cell. CRS: there may be carriage returns.
  ;; CHECKS: cells are counted, and `ragged` is set.
  ;; Returns where it stopped: `to`, or the block with a misplaced quote.
  ;; <scan>
  (func (export "SCAN")
    (param $at i32) (param $to i32) (param $delimiter i32) (param $width i32) (param $short i32) (result i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $quote v128) (local $lf v128) (local $cr v128) (local $mark v128)
    (local $quotes i64) (local $lfs i64) (local $crs i64) (local $delimiters i64)
    (local $afterCr i64)   ;; bytes whose byte before is a carriage return
    (local $outside i64)   ;; bytes not in quotes: a closing quote is, an opening one is not
    (local $closes i64)    ;; quotes that close, the first half of a doubled one too
    (local $ends i64)      ;; line feeds outside of quotes
    (local $marks i64)     ;; delimiters, line feeds, quotes
    (local $isOutside i64) (local $closed i64) (local $border i64) (local $prevCr i64)
    (local $borders i32) (local $last i32) (local $out i32) (local $entry i32)

    ;; Not constants: the engine would make them again in each block.
    (i32.store (i32.const 64) (i32.const 0x0d0a22))
    (local.set $quote (v128.load8_splat (i32.const 64)))
    (local.set $lf (v128.load8_splat (i32.const 65)))
    (local.set $cr (v128.load8_splat (i32.const 66)))
    (local.set $mark (i8x16.splat (local.get $delimiter)))
    (local.set $isOutside (i64.load32_s (i32.const 0)))
    (local.set $closed (i64.load32_u (i32.const 4)))
    (local.set $borders (i32.load (i32.const 8)))
    (local.set $border
      (i64.or
        (local.get $closed)
        (i64.extend_i32_u
          (i32.or
            (i32.eq (i32.load (i32.const 12)) (local.get $delimiter))
            (i32.eq (i32.load (i32.const 12)) (i32.const 0x0a))))))
    (local.set $prevCr (i64.extend_i32_u (i32.eq (i32.load (i32.const 12)) (i32.const 0x0d))))
    (local.set $out (i32.const 16384))

    (block $stop
      (loop $blocks
        (local.set $a (v128.load (local.get $at)))
        (local.set $b (v128.load offset=16 (local.get $at)))
        (local.set $c (v128.load offset=32 (local.get $at)))
        (local.set $d (v128.load offset=48 (local.get $at)))
        (local.set $lfs (mask $lf))

        (if (i32.const QUOTES) (then (local.set $quotes (mask $quote))))

        (if
          (i32.or
            (i32.and (i32.const QUOTES) (i64.ne (i64.const 0) (i64.or (local.get $quotes) (local.get $closed))))
            (i32.and (i32.const CRS)
              (i32.or (v128.any_true (equal $cr)) (i32.wrap_i64 (local.get $prevCr)))))
          (then
            (local.set $delimiters (mask $mark))
            (if (i32.const CRS) (then (local.set $crs (mask $cr))))

            ;; outside = prefix xor of the quotes, inverted unless the block begins in quotes
            (local.set $outside (i64.xor (local.get $quotes) (i64.shl (local.get $quotes) (i64.const 1))))
            (local.set $outside (i64.xor (local.get $outside) (i64.shl (local.get $outside) (i64.const 2))))
            (local.set $outside (i64.xor (local.get $outside) (i64.shl (local.get $outside) (i64.const 4))))
            (local.set $outside (i64.xor (local.get $outside) (i64.shl (local.get $outside) (i64.const 8))))
            (local.set $outside (i64.xor (local.get $outside) (i64.shl (local.get $outside) (i64.const 16))))
            (local.set $outside (i64.xor (local.get $outside) (i64.shl (local.get $outside) (i64.const 32))))
            (local.set $outside (i64.xor (local.get $outside) (local.get $isOutside)))
            (local.set $closes (i64.and (local.get $quotes) (local.get $outside)))

            ;; An opening quote follows a delimiter, a line ending, or a closing quote; a closing one precedes a
            ;; delimiter, a line ending, or a quote.
            (local.set $marks (i64.or (local.get $delimiters) (i64.or (local.get $lfs) (local.get $quotes))))
            (br_if $stop
              (i64.ne (i64.const 0)
                (i64.or
                  (i64.and (local.get $quotes)
                    (i64.xor (i64.const -1)
                      (i64.or
                        (i64.or (i64.shl (local.get $marks) (i64.const 1)) (local.get $border))
                        (local.get $outside))))
                  (i64.and
                    (i64.or (i64.shl (local.get $closes) (i64.const 1)) (local.get $closed))
                    (i64.xor (i64.const -1) (i64.or (local.get $marks) (local.get $crs)))))))
            (local.set $isOutside (i64.shr_s (local.get $outside) (i64.const 63)))
            (local.set $closed (i64.shr_u (local.get $closes) (i64.const 63)))
            (local.set $border (i64.shr_u (local.get $marks) (i64.const 63)))
            (if (i32.const CRS)
              (then
                (local.set $afterCr (i64.or (i64.shl (local.get $crs) (i64.const 1)) (local.get $prevCr)))
                (local.set $prevCr (i64.shr_u (local.get $crs) (i64.const 63)))
                (i64.store (i32.const 32)
                  (i64.or
                    (i64.load (i32.const 32))
                    (i64.and (local.get $lfs) (i64.xor (local.get $afterCr) (i64.const -1)))))
                (i64.store (i32.const 40)
                  (i64.or (i64.load (i32.const 40)) (i64.and (local.get $lfs) (local.get $afterCr))))
                (i64.store (i32.const 48)
                  (i64.or
                    (i64.load (i32.const 48))
                    (i64.and (local.get $afterCr) (i64.xor (local.get $lfs) (i64.const -1)))))))
            (local.set $ends (i64.and (local.get $lfs) (local.get $outside)))
            (local.set $delimiters (i64.and (local.get $delimiters) (local.get $outside))))
          (else
            ;; Neither quotes nor carriage returns: the whole block is inside quotes, or outside.
            (local.set $ends (local.get $lfs))
            (if (i32.const CHECKS) (then (local.set $delimiters (mask $mark))))
            (if (i32.const CRS)
              (then (i64.store (i32.const 32) (i64.or (i64.load (i32.const 32)) (local.get $lfs)))))
            (if (i32.and (i32.const QUOTES) (i64.eqz (local.get $isOutside)))
              (then
                (local.set $ends (i64.const 0))
                (local.set $delimiters (i64.const 0))))
            (if (i32.const QUOTES)
              (then
                (local.set $border
                  (i64.extend_i32_u
                    (i32.or
                      (i32.eq (i32.load8_u offset=63 (local.get $at)) (local.get $delimiter))
                      (i32.eq (i32.load8_u offset=63 (local.get $at)) (i32.const 0x0a)))))))))

        ;; Mostly no line ends in a block, or one: without a branch for these.
        (list)
        (local.set $out
          (i32.add (local.get $out) (i32.shl (i64.ne (local.get $ends) (i64.const 0)) (i32.const 2))))
        (local.set $ends (i64.and (local.get $ends) (i64.sub (local.get $ends) (i64.const 1))))
        (block $listed
          (loop $lines
            (br_if $listed (i64.eqz (local.get $ends)))
            (list)
            (local.set $out (i32.add (local.get $out) (i32.const 4)))
            (local.set $ends (i64.and (local.get $ends) (i64.sub (local.get $ends) (i64.const 1))))
            (br $lines)))
        (if (i32.const CHECKS)
          (then
            (local.set $borders
              (i32.add (local.get $borders) (i32.wrap_i64 (i64.popcnt (local.get $delimiters)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br_if $blocks (i32.lt_u (local.get $at) (local.get $to)))))

    (i64.store32 (i32.const 0) (local.get $isOutside))
    (i64.store32 (i32.const 4) (local.get $closed))
    (if (i32.const CHECKS)
      (then
        (local.set $last (i32.load (i32.add (local.get $out) (i32.const 262204))))
        (i32.store (i32.const 8) (i32.sub (local.get $borders) (local.get $last)))))

    ;; Compares each line with the one before. The entries after the last one are made so that they seem to be right.
    (local.set $c (i32x4.splat (i32.sub (local.get $width) (i32.const 1))))
    (v128.store (local.get $out)
      (i32x4.add (i32x4.splat (local.get $to)) (v128.const i32x4 0x10000 0x20000 0x30000 0x40000)))
    (v128.store offset=262208 (local.get $out)
      (i32x4.add
        (i32x4.splat (local.get $last))
        (i32x4.mul (local.get $c) (v128.const i32x4 1 2 3 4))))
    (local.set $a (v128.const i32x4 0 0 0 0))
    (local.set $b (v128.const i32x4 0 0 0 0))
    (local.set $entry (i32.const 16384))
    (block $compared
      (loop $entries
        (br_if $compared (i32.ge_u (local.get $entry) (local.get $out)))
        (local.set $a
          (v128.or (local.get $a)
            (i32x4.lt_s
              (i32x4.sub
                (v128.load (local.get $entry))
                (v128.load (i32.sub (local.get $entry) (i32.const 4))))
              (i32x4.splat (local.get $short)))))
        (if (i32.const CHECKS)
          (then
            (local.set $b
              (v128.or (local.get $b)
                (i32x4.ne
                  (i32x4.sub
                    (v128.load offset=262208 (local.get $entry))
                    (v128.load offset=262204 (local.get $entry)))
                  (local.get $c))))))
        (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
        (br $entries)))
    (i32.store (i32.const 20) (v128.any_true (local.get $a)))
    (i32.store (i32.const 24) (v128.any_true (local.get $b)))
    (i32.store (i32.const 16) (i32.shr_u (i32.sub (local.get $out) (i32.const 16384)) (i32.const 2)))
    (local.get $at))
  ;; </scan>

  ;; For a CRC-32, a byte counts the same as itself 580, 732, 844 and 1200 bytes later, all four together: its polynomial
  ;; divides (x^300 + x^155 + x^117 + x^89 + 1)^32. So each byte is moved on, until only 1,200 bytes are left; the
  ;; ordinary checksum of those is that of all.
  ;; The 1,200 bytes moved on so far are at 1024. Adds [at, to), whose length is a multiple of 64, and not 0.
  (func (export "fold") (param $at i32) (param $to i32)
    (local $moved i32) (local $end i32)
    (loop $strides
      (local.set $moved (i32.const 1024))
      (local.set $end (i32.sub (local.get $to) (local.get $at)))
      (if (i32.gt_u (local.get $end) (i32.const 8192)) (then (local.set $end (i32.const 8192))))
      (local.set $end (i32.add (local.get $end) (i32.const 1024)))
      (loop $blocks
        (fold 0)
        (fold 16)
        (fold 32)
        (fold 48)
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (local.set $moved (i32.add (local.get $moved) (i32.const 64)))
        (br_if $blocks (i32.lt_u (local.get $moved) (local.get $end))))
      (memory.copy (i32.const 1024) (local.get $moved) (i32.const 1200))
      (br_if $strides (i32.lt_u (local.get $at) (local.get $to)))))
)
