// Starts the console in the page.

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { sessionQuery } from "./api/queries.ts";
import { queryClient } from "./api/query-client.ts";
import { router } from "./router.tsx";
import "./style.css";

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no element #root: build the web console again.");
void queryClient.prefetchQuery(sessionQuery);
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
