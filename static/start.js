const link = (rel) => document.head.querySelector(`link[rel=${rel}]`).href;

const broken = () => {
  const page = document.documentElement;
  if (page.dataset.ready === "" || location.search === "?again") page.dataset.broken = "";
  else location.replace("?again");
};

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) broken();
});
import(link("modulepreload"))
  .then((program) => program.default({ module_or_path: link("preload") }))
  .catch((error) => {
    broken();
    throw error;
  });
