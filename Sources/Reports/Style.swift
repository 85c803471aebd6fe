/// The page's style sheet. Series colours follow Okabe and Ito's set, darkened on white and lightened on black until
/// each stands at 4.5 : 1 against its ground.
enum Style {
    /// The class of the series with this number: s0 ... s7, then from the start.
    static func colour(_ index: Int) -> String { "s\(index % 8)" }

    static let sheet = """
        :root {
          --ground: #fcfcfa; --card: #fff; --ink: #1c1e21; --soft: #575c63; --rule: #dcdedf; --faint: #eceded;
          --s0: #0069a8; --s1: #b84a00; --s2: #00745a; --s3: #8c3f88; --s4: #7a5b00; --s5: #46505c; --s6: #000; --s7: #a8205f;
          --paralinguistic: #cfe5f5; --semantic: #f7e2c4; --generation: #e4e4ea; --tuned: #1c1e21;
          --good: #00664f; --bad: #a83c00; --warn: #fff5dc; --warnrule: #c98a00; --fill: .16;
        }
        @media (prefers-color-scheme: dark) { :root {
          --ground: #15171a; --card: #1c1f23; --ink: #e8e8e6; --soft: #a5abb3; --rule: #3a3f45; --faint: #282c31;
          --s0: #62b5ee; --s1: #ff9a5c; --s2: #3ecfa4; --s3: #e39be0; --s4: #e6c84f; --s5: #b9c2cd; --s6: #fff; --s7: #ff86b6;
          --paralinguistic: #1e3a50; --semantic: #4a3a1e; --generation: #2f3038; --tuned: #e8e8e6;
          --good: #3ecfa4; --bad: #ff9a5c; --warn: #33290f; --warnrule: #d9a520; --fill: .24;
        } }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
        main { max-width: 76rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); }
        h1, h2, h3, h4 { line-height: 1.2; text-wrap: balance; }
        h1 { font-size: clamp(1.6rem, 5vw, 2.5rem); letter-spacing: -.02em; margin: 0 0 .6rem; overflow-wrap: anywhere; }
        h2 { font-size: clamp(1.25rem, 3vw, 1.6rem); letter-spacing: -.01em; margin: 0 0 .8rem; }
        h3 { font-size: 1.05rem; margin: 0 0 .4rem; }
        h4 { font-size: .9rem; margin: 0 0 .3rem; }
        p { max-width: 42rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
        a { color: var(--s0); text-underline-offset: .15em; }
        section { margin-top: 3.2rem; padding-top: 1.6rem; border-top: 1px solid var(--rule); }
        small, .note { font-size: .82rem; color: var(--soft); }
        .lead { font-size: 1.15rem; color: var(--soft); }
        .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem 1.6rem;
          margin: 1.6rem 0; padding: 1rem 0; border-block: 1px solid var(--rule); }
        .facts dt { font-size: .78rem; color: var(--soft); }
        .facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        .warnings { background: var(--warn); border-left: 4px solid var(--warnrule); padding: .9rem 1.2rem; margin: 1.4rem 0; }
        .warnings h2 { font-size: 1rem; margin: 0 0 .3rem; }
        .warnings ul { margin: 0; padding-left: 1.1rem; }
        nav { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; font-size: .92rem; }
        .scroll { overflow-x: auto; margin: 0 0 1rem; }
        table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; vertical-align: top; padding: .4rem 1.1rem .4rem 0; border-bottom: 1px solid var(--faint); }
        thead th { font-size: .8rem; font-weight: 600; color: var(--soft); border-bottom-color: var(--rule); }
        tbody th { font-weight: 600; }
        th small, td small { display: block; font-weight: 400; }
        .data { font-size: .8rem; } .data th, .data td { padding-block: .15rem; } .data tbody th { font-weight: 400; }
        .charts + h3 { margin-top: 2rem; }
        td small { white-space: nowrap; }
        .votes td:last-child { min-width: 16rem; }
        .category { display: grid; grid-template-columns: minmax(0, 25rem) minmax(0, 1fr); gap: 0 2.4rem; margin: 2rem 0; }
        .category > h3, .category > .note { grid-column: 1 / -1; }
        .category > h3 { font-size: 1.2rem; }
        .results { width: 100%; }
        .results td b, .results td em { font-style: normal; display: inline-block; }
        .results td b { font-weight: 650; }
        .results td span { white-space: nowrap; }
        .results td > span { display: block; font-size: .78rem; color: var(--soft); }
        .results td em { margin-top: .25rem; }
        .results .all > * { background: color-mix(in srgb, var(--faint) 55%, transparent); }
        .results .all > th:first-child { padding-left: .5rem; }
        .results tr > th:first-child { padding-left: .5rem; }
        .up { color: var(--good); font-size: .75em; margin-left: .3em; }
        figure { margin: 0; }
        svg { display: block; width: 100%; height: auto; max-width: 34rem; font: 11px system-ui, -apple-system, "Segoe UI",
          Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.6rem; }
        .chart { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 1rem 1.1rem; }
        .chart figcaption { min-height: 3.4rem; }
        .chart .note { margin: .5rem 0; line-height: 1.4; }
        .key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .82rem; color: var(--soft); margin: 0 0 .7rem;
          max-width: none; }
        .key span { display: inline-flex; align-items: center; gap: .4rem; }
        .swatch { display: inline-block; width: 1.5rem; height: .8rem; flex: none; }
        .swatch.disc { width: .75rem; height: .75rem; border-radius: 50%; background: currentColor; }
        svg.swatch { width: 1.6rem; height: .75rem; }
        .swatch.interval { background: var(--s0); opacity: .3; }
        .swatch.chance { height: 0; border-top: 2px dotted var(--soft); }
        .swatch.control { height: 0; border-top: 2px dashed var(--soft); }
        .swatch.tuned { height: 4px; background: var(--tuned); }
        .swatch.paralinguistic { background: var(--paralinguistic); } .swatch.semantic { background: var(--semantic); }
        .swatch.generation { background: var(--generation); }
        .s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
        .s3 { color: var(--s3); } .s4 { color: var(--s4); } .s5 { color: var(--s5); }
        .s6 { color: var(--s6); } .s7 { color: var(--s7); }
        svg text { fill: var(--soft); }
        svg .tick.y { text-anchor: end; } svg .tick.x, svg .label { text-anchor: middle; }
        svg .strong { font-weight: 600; fill: var(--ink); }
        svg .bandname { font-size: 10px; fill: var(--ink); }
        svg rect.paralinguistic { fill: var(--paralinguistic); } svg rect.semantic { fill: var(--semantic); }
        svg rect.generation { fill: var(--generation); } svg rect.tuned { fill: var(--tuned); }
        svg .grid { stroke: var(--ink); stroke-opacity: .12; } svg .axis { stroke: var(--soft); fill: none; }
        svg .line, svg .chance, svg .control { fill: none; stroke: currentColor; stroke-linejoin: round; }
        svg .line { stroke-width: 1.8; } svg .mark { fill: currentColor; }
        svg .chance { stroke-width: 1.4; stroke-dasharray: 1.5 3; stroke-linecap: round; }
        svg .control { stroke-width: 1.2; stroke-dasharray: 6 4; }
        svg .interval { fill: currentColor; fill-opacity: var(--fill); } svg .hit { fill: transparent; }
        svg .dot line { stroke: currentColor; stroke-width: 3; stroke-linecap: round; stroke-opacity: .5; }
        svg .dot circle { fill: currentColor; }
        details { font-size: .9rem; } summary { cursor: pointer; color: var(--soft); font-size: .85rem; padding: .2rem 0; }
        .chart details .scroll { max-height: 20rem; overflow: auto; }
        .confusions { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; padding-top: .8rem; }
        .example { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 1.1rem 1.3rem;
          margin: 0 0 1.2rem; }
        .example h3 { font-size: 1.1rem; overflow-wrap: anywhere; }
        .speaker { font-size: .9rem; margin: 0 0 .7rem; }
        .tag { border: 1px solid var(--rule); border-radius: 99px; padding: .05rem .6rem; font-size: .8rem; color: var(--soft); }
        audio { width: 100%; max-width: 24rem; height: 2.4rem; display: block; margin: 0 0 .9rem; }
        .answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: 1rem 1.6rem; }
        .answers > div { border-top: 2px solid var(--rule); padding-top: .6rem; }
        .answers p { font-size: .93rem; margin: 0; white-space: pre-line; }
        .example > .note { margin: .9rem 0 0; }
        span.mark { font-weight: 600; white-space: nowrap; margin-left: .3rem; color: var(--soft); }
        span.mark.plus { color: var(--good); } span.mark.minus { color: var(--bad); }
        .configuration { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 1rem;
          font: .8rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-x: auto; }
        @media (max-width: 52rem) { .category { grid-template-columns: minmax(0, 1fr); } .dots { margin-bottom: 1rem; } }
        @media (max-width: 36rem) {
          .results thead { display: none; } .results, .results tbody, .results tr, .results th, .results td { display: block; }
          .results tr { border-bottom: 1px solid var(--rule); padding: .4rem 0; }
          .results td { display: grid; grid-template-columns: 6rem auto auto; justify-content: start; gap: 0 .8rem;
            border: 0; padding: .15rem .5rem; }
          .results td::before { content: attr(data-label); color: var(--soft); font-size: .82rem; grid-row: span 2; }
          .results td em { margin: 0; grid-column: 2; } .results td > span { align-self: center; }
          .results td small { grid-column: 2 / -1; }
          .results th { border: 0; }
          .chart { padding: .9rem .7rem; } .chart figcaption { min-height: 0; }
        }
        @media print {
          :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #bbb; --faint: #ddd;
            --s0: #0069a8; --s1: #b84a00; --s2: #00745a; --s3: #8c3f88; --s4: #7a5b00; --s5: #46505c; --s6: #000; --s7: #a8205f;
            --paralinguistic: #cfe5f5; --semantic: #f7e2c4; --generation: #e4e4ea; --tuned: #000;
            --good: #00664f; --bad: #a83c00; --warn: #fff5dc; --warnrule: #c98a00; --fill: .16; }
          body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          main { padding: 0; max-width: none; } nav, audio { display: none; }
          figure, .example, tr, .warnings { break-inside: avoid; } h2, h3 { break-after: avoid; }
          .charts { grid-template-columns: repeat(2, 1fr); } .scroll, .configuration { overflow: visible; }
          .chart details .scroll { max-height: none; } details::details-content { content-visibility: visible; }
          .configuration { white-space: pre-wrap; }
        }

        """
}
