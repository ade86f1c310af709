;; Finds the ends of records in a CSV file, 64 bytes at a time, with SIMD compares. Only src/csv/simd/simd-scan.ts calls it.
;; `node scripts/wasm/build.mjs` compiles it into src/csv/simd/simd-scan-wasm.ts.
;;
;; A block of 64 bytes becomes bit masks, one bit per byte, the first byte lowest: quotes, line feeds, carriage returns,
;; delimiters. The prefix xor of the quotes then shows which bytes are in quotes: bit n is set after an odd number of
;; quotes. That is only correct without misplaced quotes. At a block with a misplaced quote, `scan` returns, and the
;; byte-by-byte rules in TypeScript take over for a stretch.
;;
;; Memory, by address. Offsets in the state and in the output count from the first byte of the input.
;;      0  state, 32-bit words:
;;           0 in quotes: 1 inside of a quoted cell
;;           4 closed: 1 if the previous byte closed a quoted cell
;;           8 borders: delimiters of the record so far
;;          12 start: where the current record begins; negative if earlier input began it
;;          16 breaks seen: 1 LF, 2 CR LF, 4 CR alone
;;          20 lines: entries of the output
;;          24 ragged line: the first entry whose record has a different number of cells, else -1
;;          28 ragged cells: its number of cells
;;    127  the byte before the input
;;    128  input, at most 65,536 bytes
;;  65664  output, 32-bit words: for each line feed outside of quotes, including blank lines, the offset after it
(module
  (memory (export "memory") 6)

  ;; Scans [at, to), whose length is a multiple of 64.
  ;; width: cells that each record must have, or 0 to skip the count.
  ;; Returns where it stopped: `to`, or the block with a misplaced quote.
  (func (export "scan")
    (param $at i32) (param $to i32) (param $delimiter i32) (param $width i32) (result i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $quoteBytes v128) (local $lfBytes v128) (local $crBytes v128) (local $delimiterBytes v128)
    (local $quotes i64) (local $lfs i64) (local $crs i64) (local $delimiters i64)
    (local $afterCr i64)   ;; bytes whose byte before is a carriage return
    (local $inside i64)    ;; bytes in quotes: an opening quote is, a closing one is not
    (local $closes i64)    ;; quotes that close, the first half of a doubled one too
    (local $ends i64)      ;; line feeds outside of quotes
    (local $upTo i64)      ;; bits up to the line feed at hand
    (local $inQuotes i64) (local $closed i64) (local $prevCr i64)
    (local $lfSeen i64) (local $crLfSeen i64) (local $loneCrSeen i64)
    (local $start i32) (local $borders i32) (local $out i32) (local $end i32) (local $cells i32)

    (local.set $quoteBytes (i8x16.splat (i32.const 0x22)))
    (local.set $lfBytes (i8x16.splat (i32.const 0x0a)))
    (local.set $crBytes (i8x16.splat (i32.const 0x0d)))
    (local.set $delimiterBytes (i8x16.splat (local.get $delimiter)))
    (local.set $inQuotes (i64.load32_u (i32.const 0)))
    (local.set $closed (i64.load32_u (i32.const 4)))
    (local.set $borders (i32.load (i32.const 8)))
    (local.set $start (i32.load (i32.const 12)))
    (local.set $prevCr (i64.extend_i32_u (i32.eq (i32.load8_u offset=127 (local.get $at)) (i32.const 0x0d))))
    (local.set $out (i32.const 65664))
    (i32.store (i32.const 24) (i32.const -1))

    (block $stop
      (loop $blocks
        (br_if $stop (i32.ge_s (local.get $at) (local.get $to)))
        (local.set $a (v128.load offset=128 (local.get $at)))
        (local.set $b (v128.load offset=144 (local.get $at)))
        (local.set $c (v128.load offset=160 (local.get $at)))
        (local.set $d (v128.load offset=176 (local.get $at)))
        ;; A mask: 16 bits of each quarter. Repeated instead of called, since calls are not inlined and cost a fifth.
        (local.set $lfs
          (i64.or
            (i64.extend_i32_u
              (i32.or
                (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $lfBytes)))
                (i32.shl (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $lfBytes))) (i32.const 16))))
            (i64.shl
              (i64.extend_i32_u
                (i32.or
                  (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $lfBytes)))
                  (i32.shl (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $lfBytes))) (i32.const 16))))
              (i64.const 32))))

        (if
          (i32.or
            (v128.any_true
              (v128.or
                (v128.or
                  (v128.or (i8x16.eq (local.get $a) (local.get $quoteBytes)) (i8x16.eq (local.get $a) (local.get $crBytes)))
                  (v128.or (i8x16.eq (local.get $b) (local.get $quoteBytes)) (i8x16.eq (local.get $b) (local.get $crBytes))))
                (v128.or
                  (v128.or (i8x16.eq (local.get $c) (local.get $quoteBytes)) (i8x16.eq (local.get $c) (local.get $crBytes)))
                  (v128.or (i8x16.eq (local.get $d) (local.get $quoteBytes)) (i8x16.eq (local.get $d) (local.get $crBytes))))))
            (i32.wrap_i64 (i64.or (local.get $closed) (local.get $prevCr))))
          (then
            (local.set $quotes
              (i64.or
                (i64.extend_i32_u
                  (i32.or
                    (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $quoteBytes)))
                    (i32.shl (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $quoteBytes))) (i32.const 16))))
                (i64.shl
                  (i64.extend_i32_u
                    (i32.or
                      (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $quoteBytes)))
                      (i32.shl (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $quoteBytes))) (i32.const 16))))
                  (i64.const 32))))
            (local.set $crs
              (i64.or
                (i64.extend_i32_u
                  (i32.or
                    (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $crBytes)))
                    (i32.shl (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $crBytes))) (i32.const 16))))
                (i64.shl
                  (i64.extend_i32_u
                    (i32.or
                      (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $crBytes)))
                      (i32.shl (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $crBytes))) (i32.const 16))))
                  (i64.const 32))))
            (local.set $delimiters
              (i64.or
                (i64.extend_i32_u
                  (i32.or
                    (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $delimiterBytes)))
                    (i32.shl (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $delimiterBytes))) (i32.const 16))))
                (i64.shl
                  (i64.extend_i32_u
                    (i32.or
                      (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $delimiterBytes)))
                      (i32.shl (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $delimiterBytes))) (i32.const 16))))
                  (i64.const 32))))

            ;; inside = prefix xor of the quotes, inverted if the block begins in quotes
            (local.set $inside (i64.xor (local.get $quotes) (i64.shl (local.get $quotes) (i64.const 1))))
            (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 2))))
            (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 4))))
            (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 8))))
            (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 16))))
            (local.set $inside (i64.xor (local.get $inside) (i64.shl (local.get $inside) (i64.const 32))))
            (local.set $inside (i64.xor (local.get $inside) (i64.sub (i64.const 0) (local.get $inQuotes))))
            (local.set $closes (i64.and (local.get $quotes) (i64.xor (local.get $inside) (i64.const -1))))

            ;; An opening quote follows a delimiter, a line ending, or a closing quote; a closing one precedes a
            ;; delimiter, a line ending, or a quote.
            (br_if $stop
              (i64.ne (i64.const 0)
                (i64.or
                  (i64.and
                    (i64.and (local.get $quotes) (local.get $inside))
                    (i64.xor (i64.const -1)
                      (i64.or
                        (i64.shl
                          (i64.or (i64.or (local.get $delimiters) (local.get $lfs)) (local.get $closes))
                          (i64.const 1))
                        (i64.or
                          (local.get $closed)
                          (i64.extend_i32_u
                            (i32.or
                              (i32.eq (i32.load8_u offset=127 (local.get $at)) (local.get $delimiter))
                              (i32.eq (i32.load8_u offset=127 (local.get $at)) (i32.const 0x0a))))))))
                  (i64.and
                    (i64.or (i64.shl (local.get $closes) (i64.const 1)) (local.get $closed))
                    (i64.xor (i64.const -1)
                      (i64.or
                        (i64.or (local.get $delimiters) (local.get $lfs))
                        (i64.or (local.get $quotes) (local.get $crs))))))))
            (local.set $inQuotes (i64.shr_u (local.get $inside) (i64.const 63)))
            (local.set $closed (i64.shr_u (local.get $closes) (i64.const 63)))

            (local.set $afterCr (i64.or (i64.shl (local.get $crs) (i64.const 1)) (local.get $prevCr)))
            (local.set $prevCr (i64.shr_u (local.get $crs) (i64.const 63)))
            (local.set $crLfSeen
              (i64.or (local.get $crLfSeen) (i64.and (local.get $lfs) (local.get $afterCr))))
            (local.set $loneCrSeen
              (i64.or (local.get $loneCrSeen)
                (i64.and (local.get $afterCr) (i64.xor (local.get $lfs) (i64.const -1)))))
            (local.set $lfSeen
              (i64.or (local.get $lfSeen)
                (i64.and (local.get $lfs) (i64.xor (local.get $afterCr) (i64.const -1)))))
            (local.set $ends (i64.and (local.get $lfs) (i64.xor (local.get $inside) (i64.const -1))))
            (local.set $delimiters
              (i64.and (local.get $delimiters) (i64.xor (local.get $inside) (i64.const -1)))))
          (else
            ;; Neither quotes nor carriage returns: the whole block is inside quotes, or outside.
            (local.set $lfSeen (i64.or (local.get $lfSeen) (local.get $lfs)))
            (local.set $afterCr (i64.const 0))
            (if (i32.wrap_i64 (local.get $inQuotes))
              (then
                (local.set $ends (i64.const 0))
                (local.set $delimiters (i64.const 0)))
              (else
                (local.set $ends (local.get $lfs))
                (if (local.get $width)
                  (then
                    (local.set $delimiters
                      (i64.or
                        (i64.extend_i32_u
                          (i32.or
                            (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $delimiterBytes)))
                            (i32.shl (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $delimiterBytes))) (i32.const 16))))
                        (i64.shl
                          (i64.extend_i32_u
                            (i32.or
                              (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $delimiterBytes)))
                              (i32.shl (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $delimiterBytes))) (i32.const 16))))
                          (i64.const 32))))))))))

        (block $listed
          (loop $lines
            (br_if $listed (i64.eqz (local.get $ends)))
            (local.set $end
              (i32.add
                (i32.add (local.get $at) (i32.const 1))
                (i32.wrap_i64 (i64.ctz (local.get $ends)))))
            (i32.store (local.get $out) (local.get $end))
            (local.set $out (i32.add (local.get $out) (i32.const 4)))
            (if (local.get $width)
              (then
                (local.set $upTo (i64.xor (local.get $ends) (i64.sub (local.get $ends) (i64.const 1))))
                (local.set $cells
                  (i32.add
                    (i32.add (local.get $borders) (i32.const 1))
                    (i32.wrap_i64 (i64.popcnt (i64.and (local.get $delimiters) (local.get $upTo))))))
                (local.set $delimiters
                  (i64.and (local.get $delimiters) (i64.xor (local.get $upTo) (i64.const -1))))
                (local.set $borders (i32.const 0))
                (if (i32.ne (local.get $cells) (local.get $width))
                  (then
                    ;; A blank line is not a record: only LF, or CR LF.
                    (if
                      (i32.gt_s
                        (i32.sub (local.get $end) (local.get $start))
                        (i32.add
                          (i32.const 1)
                          (i32.eq (i32.load8_u offset=126 (local.get $end)) (i32.const 0x0d))))
                      (then
                        (i32.store (i32.const 24)
                          (i32.shr_u (i32.sub (local.get $out) (i32.const 65668)) (i32.const 2)))
                        (i32.store (i32.const 28) (local.get $cells))
                        (local.set $width (i32.const 0))))))))
            (local.set $start (local.get $end))
            (local.set $ends (i64.and (local.get $ends) (i64.sub (local.get $ends) (i64.const 1))))
            (br $lines)))
        (if (local.get $width)
          (then
            (local.set $borders
              (i32.add (local.get $borders) (i32.wrap_i64 (i64.popcnt (local.get $delimiters)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $blocks)))

    (i64.store32 (i32.const 0) (local.get $inQuotes))
    (i64.store32 (i32.const 4) (local.get $closed))
    (i32.store (i32.const 8) (local.get $borders))
    (i32.store (i32.const 12) (local.get $start))
    (i32.store (i32.const 16)
      (i32.or
        (i64.ne (local.get $lfSeen) (i64.const 0))
        (i32.or
          (i32.shl (i64.ne (local.get $crLfSeen) (i64.const 0)) (i32.const 1))
          (i32.shl (i64.ne (local.get $loneCrSeen) (i64.const 0)) (i32.const 2)))))
    (i32.store (i32.const 20) (i32.shr_u (i32.sub (local.get $out) (i32.const 65664)) (i32.const 2)))
    (local.get $at))
)
