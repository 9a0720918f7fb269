// Loads the page's program, by the links that trunk puts into the head. In a file of
// its own, since the content policy forbids scripts in the markup.
const link = (rel) => document.head.querySelector(`link[rel=${rel}]`).href;

// A page out of a cache may lack files: first it is opened anew, past the cache.
const broken = () => {
  const page = document.documentElement;
  if (page.dataset.ready === "" || location.search === "?again") page.dataset.broken = "";
  else location.replace("?again");
};

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
