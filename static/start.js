// Loads the page's program, and the panels beside the conversation when one is
// first opened. It stands in a file of its own because the page's content policy
// forbids scripts in the markup; the names of the built files are in the links
// that the build adds to the head.
const link = (rel) => document.head.querySelector(`link[rel=${rel}]`);
const broken = () => document.documentElement.setAttribute("data-broken", "");

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) broken();
});

const load = async (program, imports) => {
  const answer = await fetch(program.href);
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer(), imports);
  return instance.exports;
};
const page = import(link("modulepreload").href).then((glue) =>
  glue.default({ module_or_path: link("preload").href })
);
page.catch((error) => {
  broken();
  throw error;
});

const dress = (later) =>
  new Promise((dressed, failed) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = later.href;
    sheet.onload = dressed;
    sheet.onerror = () => {
      sheet.remove();
      failed();
    };
    document.head.append(sheet);
  });
// Without these links (`trunk serve`) both are here from the beginning.
globalThis.supply = async () => {
  const main = await page;
  try {
    const [style, program] = [link("later-style"), link("later-program")];
    const [rest] = await Promise.all([program ? load(program, { main }) : main, style && dress(style)]);
    rest.supplement();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) broken();
    else main.missed();
  }
};
