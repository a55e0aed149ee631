"""The page that exports what a change list shows."""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from import_export.forms import ExportForm

from moderation.admin.messages import message_of
from moderation.exceptions import ExportFailed
from moderation.export.formats import SHEET_ROWS
from moderation.models import AuditEvent
from moderation.models.states import EventType
from moderation.templatetags.moderation_numbers import grouped

logger = logging.getLogger(__name__)

# The most rows that the page counts. Counting more is slow, and no workbook holds them anyway.
COUNTED_ROWS = SHEET_ROWS - 1
# Parameters in the URL of a change list that affect its presentation, not its content.
NOT_FILTERS = (*IGNORED_PARAMS, PAGE_VAR, ERROR_FLAG, "_changelist_filters")


def export_page(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Return the page that asks for the format (GET), or the file (POST).

    Exports the entries that match the filters and the search in the URL and that the user may
    view. Raises PermissionDenied if the user may not export.
    """
    if not model_admin.has_export_permission(request):
        raise PermissionDenied
    try:
        entries = model_admin.get_export_queryset(request)
    except IncorrectLookupParameters:
        return HttpResponseRedirect(_change_list_url(model_admin) + f"?{ERROR_FLAG}=1")
    counted = entries.order_by()[: COUNTED_ROWS + 1].count()
    rows = counted if counted <= COUNTED_ROWS else None
    formats = model_admin.get_export_formats()
    form = _form(model_admin, request, formats)
    if form.is_valid():
        file_format = formats[int(form.cleaned_data["format"])]()
        if rows is not None or file_format.row_limit is None:
            try:
                return _send(request, entries, file_format)
            except ExportFailed as error:
                form.add_error("format", _format_failed(error))
            except OSError as error:
                logger.exception("An export could not be written to a temporary file.")
                form.add_error("format", _write_failed(error))
        else:
            form.add_error("format", _too_many_rows(file_format))
    return _form_page(model_admin, request, form, rows)


def _form(model_admin: Any, request: HttpRequest, formats: Any) -> ExportForm:
    resources = model_admin.get_export_resource_classes(request)
    sent = request.POST if request.method == "POST" else None
    form = ExportForm(formats, resources, data=sent)
    form.fields["format"].initial = "0"
    form.fields["format"].choices = [
        (str(i), each().get_title().upper()) for i, each in enumerate(formats)
    ]
    return form


def _too_many_rows(file_format: Any) -> str:
    return gettext(
        "%(format)s can hold at most %(limit)s audit entries, and there are more. Choose CSV, "
        "or narrow the filters."
    ) % {"format": file_format.get_title().upper(), "limit": grouped(file_format.row_limit)}


def _format_failed(error: ExportFailed) -> str:
    return gettext("%(reason)s Choose CSV or JSONL.") % {"reason": message_of(error)}


def _write_failed(error: OSError) -> str:
    return gettext(
        "The server could not write the file (%(reason)s). Narrow the filters or tell an operator."
    ) % {"reason": error.strerror or type(error).__name__}


def _form_page(
    model_admin: Any, request: HttpRequest, form: ExportForm, rows: int | None
) -> HttpResponse:
    """Return the page with the form."""
    context = model_admin.init_request_context_data(request, form) | {
        "title": gettext("Export the audit log"),
        "rows": rows,
        "counted_rows": COUNTED_ROWS,
        "filtered": bool(filters_of(request) or request.GET.get(SEARCH_VAR)),
        "change_list_url": f"{_change_list_url(model_admin)}?{request.GET.urlencode()}",
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, model_admin.export_template_name, context)


def _change_list_url(model_admin: Any) -> str:
    opts = model_admin.opts
    return reverse(
        f"admin:{opts.app_label}_{opts.model_name}_changelist",
        current_app=model_admin.admin_site.name,
    )


def _send(request: HttpRequest, entries: QuerySet[Any], file_format: Any) -> FileResponse:
    """Write the file, record the export with its number of rows, then send the file.

    One query reads all entries, so that file and event agree whatever else is recorded at the same
    time. Because the file is complete before it is sent, a slow client holds neither a connection
    nor a snapshot of the database. Raises ExportFailed or OSError, before anything is sent, if the
    file cannot be written.
    """
    with ExitStack() as on_error:
        file = on_error.enter_context(tempfile.TemporaryFile())
        rows = sum(file_format.write(entries, file))
        file.seek(0)
        AuditEvent.record(
            EventType.EXPORT,
            actor=request.user,  # type: ignore[arg-type]  # never anonymous: needs a permission
            details={
                "format": file_format.get_title(),
                "filters": filters_of(request),
                "search": request.GET.get(SEARCH_VAR, ""),
                "rows": rows,
            },
        )
        day = timezone.now().strftime("%Y-%m-%d")
        response = FileResponse(
            file,
            as_attachment=True,
            filename=f"audit-entries-{day}.{file_format.get_extension()}",
            content_type=file_format.get_content_type(),
        )
        response.headers["Cache-Control"] = "no-store"
        on_error.pop_all()  # the response closes the file
    return response


def filters_of(request: HttpRequest) -> dict[str, str]:
    """Return the change list's filters in the URL: {parameter: value}.

    If a parameter is repeated, the list shows the rows that match any of its values, so all of
    them are returned: "failed, erased".
    """
    given = {name: ", ".join(filter(None, values)) for name, values in request.GET.lists()}
    return {name: text for name, text in given.items() if text and name not in NOT_FILTERS}
