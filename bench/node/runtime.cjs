// Runs a function as a process: node runtime.cjs dist/lookup.cjs
//
// AWS's own client of the Lambda Runtime API, aws-lambda-ric, compiles curl for minutes when it is installed, and its last
// version for Node.js 20 needs autoconf too. This loop does less than that client: it starts sooner, in favour of Node.js.
const http = require("node:http");
const { resolve } = require("node:path");

const agent = new http.Agent({ keepAlive: true });
const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { method, agent }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

const failure = (error) => JSON.stringify({ errorType: error.name, errorMessage: error.message });

async function run() {
  let handler;
  try {
    ({ handler } = require(resolve(process.argv[2])));
  } catch (error) {
    await call("POST", "/init/error", failure(error));
    process.exit(1);
  }
  for (;;) {
    const { headers, body } = await call("GET", "/invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    try {
      await call("POST", `/invocation/${id}/response`, JSON.stringify(await handler(JSON.parse(body))));
    } catch (error) {
      await call("POST", `/invocation/${id}/error`, failure(error));
    }
  }
}

run();
