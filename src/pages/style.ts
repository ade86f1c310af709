/** The style sheet of pages: light and dark by the reader's system, phones, print. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d5dbe1;--soft:#f4f6f8;--good:#1a7f37;--bad:#b42318;--warn:#8a5a00;
--wait:#c2c9d1;--send:#5b8def;--work:#2f9e6e;--fetch:#9a6dd7}
@media (prefers-color-scheme:dark){:root{--bg:#0f1317;--fg:#e4e8ec;--dim:#98a3ae;--line:#2e363e;--soft:#181d22;--good:#5ec27f;--bad:#ff8a7a;--warn:#e3b341;
--wait:#49535d;--send:#6f9df3;--work:#44b585;--fetch:#ad86e3}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main{max-width:1040px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px}
h2{font-size:1.1rem;margin:36px 0 10px;padding-bottom:4px;border-bottom:1px solid var(--line)}
h3{font-size:.95rem;margin:20px 0 6px;overflow-wrap:anywhere}
p{margin:6px 0}
.dim{color:var(--dim)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.state{font-weight:600}
.error{border-left:4px solid var(--bad);background:var(--soft);padding:10px 14px;margin:14px 0;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px 20px;margin:12px 0}
dt{color:var(--dim);font-size:.82rem}
dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dl.large dd{font-size:1.25rem;font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:6px 0}
th,td{text-align:left;vertical-align:top;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);overflow-wrap:break-word;max-width:20em}
th{color:var(--dim);font-weight:600;font-size:.82rem}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:9px 12px;margin:8px 0;white-space:pre;overflow-x:auto;font-size:.85rem}
code,bdi.c{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
pre code{font-size:1em}
ol.steps{padding-left:22px}ol.steps>li{margin:10px 0}
.sum{display:flex;height:14px;width:100%;margin:10px 0}
svg{display:block;width:100%}
.wait{fill:var(--wait)}.send{fill:var(--send)}.work{fill:var(--work)}.fetch{fill:var(--fetch)}.s-good{fill:var(--work)}.s-bad{fill:var(--bad)}.s-rest{fill:var(--wait)}.track{fill:var(--soft)}.phase{fill:var(--dim)}
.lanes{display:grid;grid-template-columns:minmax(90px,170px) 1fr;gap:3px 12px;align-items:center;font-size:.82rem}
.lanes>:nth-child(odd){overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.lanes svg{height:13px}.lanes svg.tall{height:34px}
.axis{display:flex;justify-content:space-between;color:var(--dim);font-variant-numeric:tabular-nums}
.legend{font-size:.82rem;color:var(--dim)}
.legend svg{display:inline-block;width:10px;height:10px;margin:0 4px 0 12px}
.legend svg:first-child{margin-left:0}
.mark{font-weight:600;color:var(--warn)}
@media (max-width:520px){main{padding:16px 14px 48px}.lanes{grid-template-columns:74px 1fr}dl{grid-template-columns:1fr 1fr}.scroll table{width:max-content;min-width:100%}td{max-width:15em}}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#f2f2f2;--good:#1a7f37;--bad:#b42318;--warn:#8a5a00;--wait:#c2c9d1;--send:#5b8def;--work:#2f9e6e;--fetch:#9a6dd7}
html{font-size:11px}body{font-size:1rem}main{max-width:none;padding:0}h2{margin-top:22px}section,tr,pre,.lanes>*{break-inside:avoid}h2,h3{break-after:avoid}section{break-inside:auto}.scroll{overflow:visible}pre{white-space:pre-wrap;overflow-wrap:anywhere}}
`;
