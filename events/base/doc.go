// Package base turns a published compliance base, one YAML file, into events.
//
// A base states what an organisation publishes about its registers: activities,
// documents, notices, categories of processors, consent and cookies, measures, an
// impact-assessment decision, retention, a security self-assessment, a contact point.
// The importer takes facts only: a key named `suggested` is passed over wherever it
// stands, null and unknown stay out of the events or become an "unknown" there, and
// nothing is added, so an activity without a stated legal basis is "undetermined".
//
// It guarantees
//
//   - strictness: an unknown or missing key, a bad date, a count that does not fit its
//     rows is one error that names the line;
//   - the same file and options give the same events with the same ids, in any order
//     ([Base.Events]): importing twice adds nothing;
//   - every event satisfies the catalogue; a name or a contact of a person is refused
//     before it is sent anywhere.
//
// # What has no home in an event
//
// These keys are read and checked, and are not carried into the ledger: they describe
// the document rather than the organisation, or are a transcriber's remark that
// `issues` repeats as a warning.
//
//	sections                           headings of the page
//	processing_activities.stated       what the page says about its own table
//	processors.art_28_3_points_not_listed, processors.note
//	consent_cookies.legal_reference_cited.status, .replaced_by
//	breach_register, but teleservice   an empty register is shown by having no row
//	data_subject_rights.rights_not_named
//	retention.items[].rule.then.action always a move: the next phase says where to
//	security_self_assessment.states_legend, .counts
//	*.count                            held against the rows
package base
