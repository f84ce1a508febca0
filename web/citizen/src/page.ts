// So that the example shows any purpose of an installation, in either language: `?purpose=…&language=en`.
const component = document.querySelector("id-bellen");
for (const [name, value] of new URLSearchParams(location.search)) {
  if (name === "purpose" || name === "language") component?.setAttribute(name, value);
}

export {};
