// Loads the page's program. It stands in a file of its own because the page's
// content policy forbids scripts in the markup; trunk's own links in the head name
// the built files.
const link = (rel) => document.head.querySelector(`link[rel=${rel}]`).href;
const broken = () => document.documentElement.setAttribute("data-broken", "");

// A program that has panicked answers nothing any more.
addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) broken();
});
import(link("modulepreload"))
  .then((program) => program.default({ module_or_path: link("preload") }))
  .catch((error) => {
    broken();
    throw error;
  });
