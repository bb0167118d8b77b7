// Says so when the browser is too old. This file has to run where nothing else
// of the app does, so it is written as scripts were before modules.
(function () {
  function canRun() {
    if (!('noModule' in document.createElement('script'))) return false;
    if (typeof WebAssembly !== 'object' || typeof WebAssembly.instantiate !== 'function') return false;
    // A module with one type, a function that takes an externref.
    var references = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 111, 0];
    return WebAssembly.validate(new Uint8Array(references));
  }

  var able = false;
  try {
    able = canRun();
  } catch (cause) {
    able = false;
  }
  if (able) return;
  var opening = document.getElementById('shell-opening');
  var unsupported = document.getElementById('shell-unsupported');
  if (opening) opening.setAttribute('hidden', '');
  if (unsupported) unsupported.removeAttribute('hidden');
})();
