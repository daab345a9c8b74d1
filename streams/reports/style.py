"""The look of the report's page: a sheet of paper that reads on a screen and prints."""

__all__ = ["STYLE"]

STYLE = """
:root{--ink:#17202b;--soft:#5a6675;--line:#e2e6ec;--paper:#fff;--blue:#1d4fa3;--good:#227a55;--bad:#b13e28}
*{box-sizing:border-box}body{margin:0;background:#f1f3f6;color:var(--ink);font:15px/1.45 system-ui,"Noto Sans CJK SC","WenQuanYi Micro Hei","PingFang SC","Microsoft YaHei",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1240px;margin:0 auto;padding:32px 28px 48px}header{display:flex;justify-content:space-between;align-items:end;gap:24px;border-bottom:3px solid var(--ink);padding-bottom:14px}
h1{font-size:30px;margin:0 0 2px;letter-spacing:-.01em}header p{margin:0;color:var(--soft)}.side{text-align:right;font-size:13px}h2{font-size:18px;margin:34px 0 10px}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin-top:20px}.tile{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile h3{font-size:13px;font-weight:500;color:var(--soft);margin:0}.tile strong{display:block;font-size:28px;line-height:1.25;letter-spacing:-.02em}.tile.none strong{color:var(--soft);font-size:20px;line-height:35px;font-weight:500}
small{font-size:12px;color:var(--soft)}small.good{color:var(--good)}small.bad{color:var(--bad)}
.two{display:grid;grid-template-columns:1fr 1fr;gap:12px}figure{margin:0;background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:12px 16px 14px;min-width:0}
figcaption{font-weight:600;margin-bottom:6px}svg{display:block;width:100%;height:auto}.grid{stroke:var(--line)}.axis{font-size:11px;fill:var(--soft)}.end{text-anchor:end}.middle{text-anchor:middle}.start{text-anchor:start}
path{fill:none;stroke-linejoin:round;stroke-linecap:round}path.now{stroke:var(--blue);stroke-width:2.4}path.then{stroke:#9aa5b4;stroke-width:1.6;stroke-dasharray:2 5}.dot{fill:var(--blue)}rect.void{fill:#fff;stroke:var(--line);stroke-dasharray:2 2}
.legend{margin:-38px 0 14px;text-align:right;color:var(--soft);font-size:13px}.legend i{display:inline-block;width:26px;height:0;border-top:3px solid var(--blue);vertical-align:middle;margin:0 7px 0 18px}.legend i.then{border-top:2px dotted #9aa5b4}
.wide{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:10px}table{border-collapse:collapse;width:100%}th,td{padding:8px 12px;text-align:right;border-top:1px solid var(--line);vertical-align:top;white-space:nowrap}
thead th{border-top:0;font-size:12px;font-weight:500;color:var(--soft);white-space:normal;vertical-align:bottom}tbody th,thead th:first-child{text-align:left;font-weight:600}td small{display:block}.tight td small{display:inline-block;min-width:66px;margin-left:8px}.tight th,.tight td{padding:4px 0;font-size:14px;vertical-align:middle}.tight th{font-weight:400}.tight .bar{margin:0 0 0 14px}.facts{margin-top:12px}.facts dl{display:grid;grid-template-columns:repeat(3,1fr);gap:16px}.facts dd{margin:2px 0 0}td.void{color:var(--soft);font-size:13px}figure table th,figure table td{padding-left:0}figure .two{gap:44px}
.bar{display:block;height:5px;border-radius:3px;background:#eceff3;margin-top:5px;min-width:70px}.bar b{display:block;height:5px;border-radius:3px}td.long{width:50%}.note{color:var(--soft);margin:10px 0 0}
dl{margin:0}dt{font-size:13px;color:var(--soft)}dd{margin:0 0 16px;font-size:17px}dd small{font-size:13px}footer{margin-top:30px;border-top:1px solid var(--line);padding-top:12px;color:var(--soft);font-size:13px}
@media(max-width:760px){main{padding:18px 14px}header,.two,.facts dl{display:block}.side{text-align:left;margin-top:6px!important}.tiles{grid-template-columns:1fr 1fr}.two figure{margin-bottom:12px}.legend{margin:0 0 10px;text-align:left}.legend i:first-child{margin-left:0}}
@media print{body{background:#fff}main{padding:0}section{break-inside:avoid}}
""".strip()
