/* Suggest values for a filter's text field while the user types. Without suggestions, users can
   still type a value in full. */
"use strict";
{
  const PAUSE = 200; // milliseconds after the last key press before the request is sent

  const fetchSuggestions = async (field) => {
    const address = new URL(field.dataset.suggestions, location.href);
    address.searchParams.set("term", field.value);
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      return; // not permitted, for instance; the user types the full name
    }
    const { suggestions } = await response.json();
    field.list.replaceChildren(
      ...suggestions.map(({ value, label }) => new Option(label, value)),
    );
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const field of document.querySelectorAll("input[data-suggestions]")) {
      let timer = 0;
      const scheduleFetch = () => {
        clearTimeout(timer);
        timer = setTimeout(fetchSuggestions, PAUSE, field);
      };
      field.addEventListener("input", scheduleFetch);
      field.addEventListener("focus", scheduleFetch, { once: true });
    }
  });
}
