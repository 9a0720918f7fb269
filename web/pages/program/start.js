// Starts the panel's program. A student's page loads this when the panel is first
// opened, and it then takes over what the page /program has: no visit pays for it
// otherwise. What all pages share is there already.
const start = async () => {
  const panel = document.getElementById("program");
  if (!panel.querySelector("textarea")) {
    const answer = await fetch("program");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.head.append(...page.querySelectorAll("link[href*=style-],link[rel=preload]"));
    panel.replaceChildren(...page.getElementById("program").childNodes);
  }
  // The last of such links: those of a student's page stand before them.
  const link = (kind) => [...document.querySelectorAll(`link[as=${kind}]`)].pop().href;
  // A module, since a student's page has glue of its own already.
  const program = await import(link("script"));
  await program.default({ module_or_path: link("fetch") });
};
// A network that is away for a moment.
const again = () => start().catch(() => setTimeout(again, 3000));
again();
