// Loads the page's program. It stands in a file of its own because the page's
// content policy forbids scripts in the markup; the names of the built files
// are in the links that the build adds to the head.
const file = (rel) => document.head.querySelector(`link[rel=${rel}]`).href;
const broken = () => document.documentElement.setAttribute("data-broken", "");

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) broken();
});
import(file("modulepreload"))
  .then((program) => program.default({ module_or_path: file("preload") }))
  .catch((error) => {
    broken();
    throw error;
  });
