// Export: all entries that pass a filter, as of one state, message by message, and at the end the proof. One message at
// a time is read, on a thread of the exports' own, and the next only when it was taken.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/error.h"
#include "common/export_chain.h"
#include "common/uuid.h"
#include "server/admin/admin_service.h"
#include "server/admin/export_position.h"
#include "server/admin/exported_entry.h"
#include "server/list/requests.h"
#include "server/rpc/await_revision.h"
#include "storage/entry.h"
#include "storage/listing.h"
#include "storage/revision_token.h"

namespace suppressd {

class ExportCall final : public StreamCall<v1::ExportResponse> {
 public:
  ExportCall(AdminService* service, grpc::CallbackServerContext* context)
      : StreamCall(&service->exports_, context, service->options_.times.slow_reader_max),
        service_(service),
        deadline_(DeadlineOf(*context)),
        actor_(service->CallerName(*context)) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::ExportRequest& request) {
    if (absl::Status status = Read(request); !status.ok()) return End(status);
    const absl::Time give_up = GiveUpAt(absl::Now(), deadline_, service_->options_.await_revision_max);
    AwaitRevision(service_->list_, request.at_least(), give_up,
                  [this, self = shared_from_this()](const absl::Status& reached) {
                    RunOnPool([this, reached] { reached.ok() ? Open() : End(reached); });
                  });
  }

 private:
  absl::Status Read(const v1::ExportRequest& request) {
    absl::StatusOr<ListQuery> query = MakeExportQuery(request, service_->clock_());
    if (!query.ok()) return query.status();
    query_ = *std::move(query);
    with_history_ = request.with_history();
    range_.tenants = {query_.tenant};
    resumes_ = !request.after().empty();
    if (!resumes_) {
      position_.set_export_id(NewUuid());
      position_.set_lineage(service_->list_->lineage());
      position_.set_request_digest(ExportDigest(request));
      position_.set_sha256(EmptyExportChecksum());
      position_.set_begun_at_micros(query_.now_micros);
      return absl::OkStatus();
    }
    absl::StatusOr<internal::v1::ExportPosition> position = DecodeExportPosition(request);
    if (!position.ok()) return position.status();
    if (position->lineage() != service_->list_->lineage()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                       "the data was replaced since this export began; start it again", "after");
    }
    position_ = *std::move(position);
    query_.now_micros = position_.begun_at_micros();  // what has expired is the same to the end
    return absl::OkStatus();
  }

  void RunOnPool(std::function<void()> work) {
    service_->export_pool_.Run([self = shared_from_this(), work = std::move(work)] { work(); });
  }

  void Open() {
    HeldSnapshots& held = service_->held_;
    const absl::Time now = service_->clock_();
    const std::string& id = position_.export_id();
    auto snapshot = resumes_ ? held.Resume(id, position_.revision(), range_.tenants, shared_from_this(), now)
                             : held.Begin(id, range_.tenants, shared_from_this(), now);
    if (!snapshot.ok()) return End(snapshot.status());
    snapshot_ = *std::move(snapshot);
    begun_ = true;
    position_.set_revision(snapshot_->revision());
    SendSome();
  }

  void Step() override {
    RunOnPool([this] { SendSome(); });
  }

  void SendSome() {
    if (complete_ || Stopping()) return End(absl::OkStatus());
    if (absl::Status status = ReadSome(); !status.ok()) return End(status);
    service_->held_.Reads(position_.export_id(), this, service_->clock_());
    Send();
  }

  // Makes message_ from the next entries.
  absl::Status ReadSome() {
    message_.Clear();
    size_t bytes = 0;
    int walked_entries = 0;
    bool is_full = false;
    absl::Status failed;
    range_.after_key = position_.after_key();
    const absl::Status walked = snapshot_->Walk(range_, [&](absl::string_view key, stored::StoredEntry entry) {
      // Also a filter that nothing passes gives a message now and then, so that the stream can be cut.
      is_full = bytes >= kExportMessageBytes || ++walked_entries > kListRowsPerPageMax;
      if (is_full) return false;
      position_.set_after_key(key.data(), key.size());
      if (!PassesFilter(query_, entry.suppression())) return true;
      absl::StatusOr<std::vector<v1::BounceEvent>> events = EventsOf(entry);
      if (!events.ok()) {
        failed = events.status();
        return false;
      }
      v1::ExportedEntry& exported = *message_.add_entries();
      exported = ToExported(std::move(entry), *std::move(events));
      position_.set_sha256(ExportChecksum(position_.sha256(), exported));
      position_.set_entry_count(position_.entry_count() + 1);
      bytes += exported.ByteSizeLong();
      ++sent_entries_;
      return true;
    });
    if (!walked.ok() || !failed.ok()) return walked.ok() ? failed : walked;
    message_.set_position(EncodeExportPosition(position_));
    if (!is_full) Prove();
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<v1::BounceEvent>> EventsOf(const stored::StoredEntry& entry) const {
    EntryName name;
    if (!with_history_ || !NameOf(entry.suppression(), &name)) return std::vector<v1::BounceEvent>();
    return snapshot_->ReadEvents(name, entry);
  }

  // Everything was read.
  void Prove() {
    complete_ = true;
    v1::ExportProof* proof = message_.mutable_proof();
    proof->set_entry_count(position_.entry_count());
    proof->set_revision_token(EncodeToken({position_.lineage(), position_.revision()}));
    proof->set_sha256(position_.sha256());
    *proof->mutable_exported_at() = FromMicros(position_.begun_at_micros());
  }

  void Closed() override {
    if (!begun_) return;
    snapshot_.reset();  // this may live on for a while, held by an alarm
    service_->held_.Leave(position_.export_id(), this, service_->clock_());
    service_->NoteExport(actor_, query_.tenant, sent_entries_, with_history_);
  }

  AdminService* const service_;
  const absl::Time deadline_;
  const std::string actor_;
  int64_t sent_entries_ = 0;
  bool begun_ = false;
  bool resumes_ = false;
  bool complete_ = false;  // the last message was made
  bool with_history_ = false;
  ListQuery query_;
  SnapshotRange range_;
  internal::v1::ExportPosition position_;
  std::shared_ptr<const Snapshot> snapshot_;
};

grpc::ServerWriteReactor<v1::ExportResponse>* AdminService::Export(grpc::CallbackServerContext* context,
                                                                   const v1::ExportRequest* request) {
  auto call = std::make_shared<ExportCall>(this, context);
  if (absl::Status refused = exports_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(*request);
  }
  return call.get();
}

}  // namespace suppressd
