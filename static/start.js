// Loads the page's program by the links that trunk puts into the markup. The glue is no
// module: trunk shortens it by more than half, and cannot shorten one. In a file of its
// own, since the content policy forbids scripts in the markup.

const link = (kind) => document.head.querySelector(`link[as=${kind}]`).href;

// A page out of a cache may lack files: first it is opened anew, past the cache. A program
// that has panicked answers nothing any more, and the page says so.
const broken = () => {
  const page = document.documentElement;
  if (page.dataset.ready === "" || location.search === "?again") page.dataset.broken = "";
  else location.replace("?again");
};

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) broken();
});

const glue = document.createElement("script");
glue.onerror = broken;
glue.onload = () => {
  wasm_bindgen({ module_or_path: link("fetch") }).catch((error) => {
    broken();
    throw error;
  });
};
// As its link has it, or it is fetched twice.
glue.crossOrigin = "";
glue.src = link("script");
document.head.append(glue);
