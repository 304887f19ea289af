"""The languages of pages, pictures and messages: texts by gettext catalogues, numbers and dates by Babel."""
