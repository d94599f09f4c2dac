"""The style of the page: colours as variables, once light and once dark; tables become blocks on a phone."""

from __future__ import annotations

_LIGHT = """
--page:#fff;--text:#1b1f23;--soft:#5b646d;--rule:#d4d9de;--card:#f4f6f8;
--good:#17692f;--strained:#8a5200;--failed:#b3211c;--unknown:#5b646d;
--s0:#0063a6;--s1:#c44900;--s2:#00795a;--s3:#a8508a;--s4:#8a6d00;--s5:#555;
--fire:#f3c6b4;--alert:#b3211c;--candidate:#b97a00;--spell:#c9ccd6;--down:#d9cfe3;--band:#5f86b3
"""
_DARK = """
--page:#14181c;--text:#e6e9ec;--soft:#a3acb5;--rule:#3a434c;--card:#1e242a;
--good:#6fd08c;--strained:#f0b55a;--failed:#ff8a80;--unknown:#a3acb5;
--s0:#63b8f5;--s1:#ff9a5c;--s2:#4fd0a5;--s3:#e29fd0;--s4:#e0c34a;--s5:#bbb;
--fire:#5f3526;--alert:#ff7a6e;--candidate:#e8b04a;--spell:#434a57;--down:#4a3f58;--band:#6f9bd0
"""
STYLE = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.45 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.2;margin:.2rem 0}h2{font-size:1.25rem;margin:2.2rem 0 .6rem}
h1,p,td,th,li,figcaption,caption{overflow-wrap:anywhere}
.purpose{font-size:1.1rem;margin:.2rem 0 1rem}.note,footer{color:var(--soft);font-size:.9rem}
footer{margin:2rem 0 1rem;border-top:1px solid var(--rule);padding-top:.6rem}
ul{list-style:none;margin:0;padding:0}
.verdicts{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fit,minmax(min(15rem,100%),1fr))}
.verdicts li{background:var(--card);border-left:.35rem solid;border-radius:.3rem;padding:.6rem .8rem}
.verdicts span{display:block;color:var(--text)}.verdicts .word{color:inherit;font-weight:700;font-size:1.05rem}
.good{color:var(--good)}.strained{color:var(--strained)}.failed{color:var(--failed)}.unknown{color:var(--unknown)}
table{border-collapse:collapse;width:100%;margin:1.2rem 0;font-size:.92rem}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--rule)}
thead th{color:var(--soft);font-weight:400;vertical-align:bottom}tbody th{font-weight:600}
td{font-variant-numeric:tabular-nums}.facts th{width:40%;font-weight:400;color:var(--soft)}
figure{margin:1.4rem 0}figcaption{font-size:.92rem;margin-bottom:.4rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.85rem;margin-bottom:.3rem}
.key{display:inline-block;width:1.4rem;height:.7rem;margin-right:.4rem;vertical-align:-.05rem}
.key.s0,.key.s1,.key.s2,.key.s3,.key.s4,.key.s5{height:0;border-top:3px solid;vertical-align:.25rem}
.key.s1,.key.s3{border-top-style:dashed}.key.s2,.key.s4{border-top-style:dotted}
.key.s0{border-color:var(--s0)}.key.s1{border-color:var(--s1)}.key.s2{border-color:var(--s2)}
.key.s3{border-color:var(--s3)}.key.s4{border-color:var(--s4)}.key.s5{border-color:var(--s5)}
.key.fire{background:var(--fire)}.key.alert{background:var(--alert)}.key.spell{background:var(--spell)}
.key.candidate{background:var(--candidate);height:.4rem;vertical-align:0}
.key.down{background:var(--down)}.key.band{background:var(--band)}
.area{position:relative;height:9.5rem;margin:.6rem .4rem 1.8rem 3.6rem}
.area svg,.strip svg{position:absolute;inset:0;width:100%;height:100%;display:block}
.area span,.axis span{position:absolute;font-size:.75rem;line-height:1;color:var(--soft);white-space:nowrap}
.y{right:calc(100% + .4rem);transform:translateY(50%)}.area .x{top:calc(100% + .4rem);transform:translateX(-50%)}
.lanes{margin-right:.4rem}.strip{position:relative;height:1.5rem;background:var(--card);margin-bottom:.4rem}
.lanes .name{display:block;font-size:.85rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.axis{position:relative;height:1.2rem}.axis .x{top:.1rem;transform:translateX(-50%)}
:is(.area,.axis) .x.first{transform:none}:is(.area,.axis) .x.last{transform:translateX(-100%)}
@media (min-width:40.01rem){.lanes{display:grid;grid-template-columns:8rem minmax(0,1fr);column-gap:.6rem}
.lanes .name{line-height:1.5rem;text-align:right}.axis{grid-column:2}}
path{fill:none;vector-effect:non-scaling-stroke}.rule{stroke:var(--rule);stroke-width:1}
.line{stroke-width:2;stroke-linejoin:round}.s0{stroke:var(--s0)}.s1{stroke:var(--s1);stroke-dasharray:6 3}
.s2{stroke:var(--s2);stroke-dasharray:2 3}.s3{stroke:var(--s3);stroke-dasharray:9 3 2 3}
.s4{stroke:var(--s4);stroke-dasharray:1 4}.s5{stroke:var(--s5)}
rect.fire{fill:var(--fire)}rect.alert{fill:var(--alert)}rect.candidate{fill:var(--candidate)}
rect.spell{fill:var(--spell)}rect.down{fill:var(--down)}rect.band{fill:var(--band)}
.gallery{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}
@media (min-width:40.01rem){.gallery{grid-template-columns:repeat(auto-fill,minmax(16rem,1fr))}}
.gallery figure{margin:0}.gallery img{width:100%;height:auto;display:block;border-radius:.3rem;background:var(--card)}
.gallery figcaption{margin:.3rem 0 0}
@media (max-width:40rem){
table:not(.facts) thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table:not(.facts),table:not(.facts) :is(caption,tbody,tr,th,td){display:block}
table:not(.facts) tr{border-bottom:1px solid var(--rule);padding:.35rem 0}
table:not(.facts) :is(th,td){border:0;padding:.05rem 0}
td[data-head]{display:flex!important;gap:.8rem;justify-content:space-between;text-align:right}
td[data-head]::before{content:attr(data-head);color:var(--soft);text-align:left;flex:0 0 auto;max-width:50%}
}
@media print{body{font-size:11px}main{max-width:none;padding:0}
figure,tr,.verdicts li{break-inside:avoid}h2,caption{break-after:avoid}
rect,.key,.strip,.verdicts li{print-color-adjust:exact}}
"""
)
